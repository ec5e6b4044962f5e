"""Shows the differences of two sweeps as a table."""

import re
from collections.abc import Iterable

from rich.table import Table

from sweeper.wording import format_value

_LONG_DIGEST = re.compile("[0-9a-f]{32,}")
_SHOWN_DIGITS = 8


def differences_table(names: tuple[str, str], differences: Iterable[tuple[str, object, object]]) -> Table:
    """Return a table of keys with their two values. A key that is not there has a dash; long digests are cut."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("key", overflow="fold", min_width=12)
    for name in names:
        table.add_column(name, overflow="fold")
    for key, first, second in differences:
        table.add_row(key, *map(_format, (first, second)))
    return table


def _format(value: object) -> str:
    text = "-" if value is None else format_value(value)
    return f"{text[:_SHOWN_DIGITS]}…" if _LONG_DIGEST.fullmatch(text) else text
