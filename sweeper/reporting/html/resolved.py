"""The search space as it was resolved, defaults and all, as YAML that `sweeper run` takes."""

import json
from typing import Any

from sweeper.search_space.sweep_spec import SweepSpec


def resolved(spec: SweepSpec) -> str:
    """Every key of the file, a line for each down to the second level: what is below is JSON, which YAML includes."""
    lines: list[str] = []
    for key, value in spec.model_dump(mode="json", exclude_none=True).items():
        if isinstance(value, dict) and value:
            lines += [f"{key}:", *(f"  {name}: {_flow(inner)}" for name, inner in value.items())]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines)


def _flow(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
