"""TODO."""

import difflib
import re
from collections.abc import Iterable

_NUMBER = re.compile(r"[-+.\deE]*\d[-+.\deE]*")


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
