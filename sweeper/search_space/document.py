"""A file of settings as plain values that remember where they were written.

The reader of a format (edges/yaml.py) makes it, the checks (spec.py) ask it for places, so that every complaint can
open with `FILE:LINE:` without the checks knowing the format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeper.wording import format_value

KeyPath = tuple[str | int, ...]  # the keys and list positions that lead to a value


@dataclass(frozen=True)
class SourceDocument:
    """The values of one file, and the place of each.

    `places` maps the path of a value to where it stands: `search_spaces/sst5.yaml:12`, or `--set` for an override.
    """

    name: str
    values: dict[str, Any]
    places: Mapping[KeyPath, str] = field(default_factory=dict)

    def location(self, path: KeyPath) -> str:
        """Where the value at `path` stands, or the nearest value around it that stands somewhere."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return f"{self.name}:1"


def format_key(path: KeyPath) -> str:
    """A path as a person writes it: `search.tau.cases[1].log`."""
    text = ""
    for part in path:
        part = part if isinstance(part, int) else format_value(part)
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
