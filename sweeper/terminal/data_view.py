"""Shows what a look at data found: its classes in columns, the lengths of its texts, and what is unusual."""

from collections.abc import Iterator

from rich.table import Table

from sweeper.data.data_summary import DataSummary, TextLengths
from sweeper.wording import count_noun, shorten_middle, show_controls

_MOST_CLASSES = 100  # that are listed
_LONGEST_NAME = 28
_GAP = 3


def class_table(summary: DataSummary, width: int) -> Table:
    """Return the rows of each class, the largest first, in as many columns as a terminal of `width` has room for."""
    totals = [(_short(name), f"{rows:,}") for name, rows in list(summary.class_totals.items())[:_MOST_CLASSES]]
    cell = max(len(name) for name, _ in totals) + 1 + max(len(rows) for _, rows in totals) + _GAP
    columns = max(1, min((width - 2) // cell, -(-len(totals) // 4)))
    height = -(-len(totals) // columns)
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0))
    table.add_column()
    for _ in range(columns):
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", no_wrap=True)
        table.add_column()
    for line in range(height):
        row = [value for item in totals[line::height] for value in (*item, "")]
        table.add_row(" ", *row)
    return table


def summary_lines(summary: DataSummary) -> Iterator[str]:
    """Yield lines about the data, but for the rows of each class."""
    num_unlisted = len(summary.class_totals) - _MOST_CLASSES
    if num_unlisted > 0:
        yield f"  and {num_unlisted:,} smaller classes"
    majority = f'"{_short(summary.majority_class)}"'
    yield f"script: {_script(summary.script)}"
    yield f"majority: {majority} is {summary.majority_share:.1%} of the rows, the accuracy of always guessing it"
    yield from _length_lines(summary.lengths)
    yield f"repeated: {count_noun(summary.repeated_rows, 'row', form=',')} with the text of an earlier row"
    yield f"conflicts: {count_noun(summary.conflicting_texts, 'text', form=',')} with more than one label"
    if summary.bad_rows:
        yield f"bad rows: {summary.bad_rows:,}, left out; the first: {summary.bad_row_examples[0]}"
    yield from (f"note: {warning}" for warning in summary.warnings)


def head_line(place: str, summary: DataSummary) -> str:
    """Return the size of the data, and the columns that were chosen."""
    rows, classes = sum(summary.rows.values()), len(summary.class_totals)
    text = " and ".join(map(show_controls, summary.text))
    return f"{place}: {rows:,} rows, {classes} classes; text in {text}, label in {show_controls(summary.label)}"


def _length_lines(lengths: TextLengths) -> Iterator[str]:
    low, median, high, longest = (f"{lengths.quantiles[key]:,}" for key in ("5", "50", "95", "100"))
    middle = f"90% of the texts have {low} to {high}"
    yield f"length: median {median} {lengths.unit}, {middle}, the longest {longest}; counted in {lengths.texts:,} texts"
    shares = []
    for length, share in lengths.fits.items():
        shares.append(f"{_percent(share)} in {length}")
        if share == 1:
            break
    yield f"fit in max_length: {', '.join(shares)}"


def _percent(share: float) -> str:
    """Return a share in whole percent; only all is 100%."""
    return "over 99%" if 0.995 <= share < 1 else f"{share:.0%}"


def _script(name: str) -> str:
    return name if name == "CJK" else name.capitalize() or "no letters"


def _short(name: str) -> str:
    return shorten_middle(show_controls(" ".join(name.split())), _LONGEST_NAME)
