"""A file of settings as plain values that remember where they were written.

The reader of a format (edges/yaml.py) makes it, the checks (spec.py) ask it for places, so that every complaint can
open with `FILE:LINE:` without the checks knowing the format.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_NUMBER = re.compile(r"[-+.\deE]*\d[-+.\deE]*")
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


def format_value(value: object) -> str:
    """A value as YAML has it: true, not True; 1e-05, not 0.00001; [4, 8]; nothing for no value."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if value % 1 or abs(value) >= 1e6 else f"{value:.1f}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(format_value(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {format_value(item)}' for key, item in value.items())}}}"
    return " ".join(str(value).split())


def quote_value(value: object) -> str:
    """A value for a message: spelt, a word that looks like a number quoted, and cut where it is long."""
    text = format_value(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        text = f"'{value}'"
    return text if len(text) <= 60 else text[:57] + "…"


def allowed_hint(names: Iterable[str], word: str = "") -> str:
    """What is allowed, and the nearest name to what was written."""
    names = list(names)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"allowed: {', '.join(names)}{hint}"
