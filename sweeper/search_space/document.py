"""A file of settings as plain values, with the place where each of them was written.

yaml_file.py makes it, and the checks ask it for places. So every message can open with `FILE:LINE:` although the checks
do not know the format of the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeper.wording import format_value

KeyPath = tuple[str | int, ...]  # the keys and list positions that lead to a value


@dataclass(frozen=True)
class SourceDocument:
    """The values of one file, and their places.

    `places` maps the path of a value to its place: `search_spaces/sst5.yaml:12`, or `--set ...` for an override.
    `written` is the file as it stands, where overrides were applied to it. `left_out` counts the settings of its
    `start_with` that the overrides exclude.
    """

    name: str
    values: dict[str, Any]
    places: Mapping[KeyPath, str] = field(default_factory=dict)
    written: "SourceDocument | None" = None
    left_out: int = 0

    def location(self, path: KeyPath) -> str:
        """Return the place of the value at `path`, or of the nearest value around it that has a place."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return f"{self.name}:1"

    def message(self, path: KeyPath, rule: str) -> str:
        """Return a message on the value at `path`: its place, its key, and the rule that it breaks."""
        if path[:1] == ("asha",) and "early_stopping" in self.values:  # written in the long form
            path = ("early_stopping", *path)
        return f"{self.location(path)}: {format_key(path)}: {rule}"


def format_key(path: KeyPath) -> str:
    """Return a path as people write it: `search.tau.cases[1].log`. Positions count from 1."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key + 1}]"
        else:
            text += f".{format_value(key)}" if text else format_value(key)
    return text
