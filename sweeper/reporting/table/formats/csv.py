"""The table as CSV: one line per cell. The header has the columns of our own cells."""

import csv
import io

from sweeper.reporting.table.content import TableContent
from sweeper.wording import show_controls


def render(content: TableContent) -> str:
    """Return the records as CSV. A published score has fewer columns; the others are empty in its line."""
    columns = list(content.records[0]) if content.records else []
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _show(value) for name, value in record.items()} for record in content.records)
    return out.getvalue()


def _show(value: object) -> object:
    return show_controls(value, keep="\n\t") if isinstance(value, str) else value
