"""The names of metrics as MLflow takes them. One of a class, such as `validation/f1/joy`, can have any characters."""

import re

_REFUSED = re.compile(r"[^/\w.\- :]")  # as MLflow 3 checks names
_MAX_LENGTH = 250


def metric_key(name: str) -> str:
    """Return a metric's name in MLflow: each character that it refuses becomes _, and so do empty parts of a path."""
    parts = ["_" if part in ("", ".", "..") else part for part in _REFUSED.sub("_", name).split("/")]
    return "/".join(parts)[:_MAX_LENGTH]
