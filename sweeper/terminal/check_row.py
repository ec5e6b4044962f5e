"""Shows one check of the machine as a row whose text folds at the terminal's width."""

from rich.table import Table

_STYLES = {"note": "yellow", "fail": "bold red"}


def check_row(health: str, name: str, fact: str, remedy: str, width: int) -> Table:
    """Return a row; `width` is the length of the longest name. The remedy has a line of its own."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(width=4, no_wrap=True)
    table.add_column(width=width, no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(health, name, fact, style=_STYLES.get(health))
    if remedy:
        table.add_row("", "", remedy)
    return table
