"""Shows the differences of two sweeps as a table."""

from collections.abc import Iterable

from rich.table import Table

from sweeper.wording import format_value


def differences_table(names: tuple[str, str], differences: Iterable[tuple[str, object, object]]) -> Table:
    """Return a table of keys with their two values; a key that is not there has a dash."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("key", overflow="fold", min_width=12)
    for name in names:
        table.add_column(name, overflow="fold")
    for key, first, second in differences:
        table.add_row(key, *("-" if value is None else format_value(value) for value in (first, second)))
    return table
