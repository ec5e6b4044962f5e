"""The environment of the processes that a benchmark starts: whatever the user has set, they stay on this machine."""

import os

_ELSEWHERE = ("MLFLOW_", "RAY_ADDRESS")  # prefixes of variables that would send runs to a server, trials to a cluster


def local_environment() -> dict[str, str]:
    """Return this process's environment without the variables that name a tracking server or a cluster."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_ELSEWHERE)}
