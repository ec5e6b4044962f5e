"""The table as JSON, with everything that is known about each cell."""

import json

from sweeper.reporting.table.content import TableContent


def render(content: TableContent) -> str:
    """Return the document as JSON. Raises ValueError for a number that JSON does not have: infinity or NaN."""
    text = json.dumps(content.document, indent=2, ensure_ascii=False, allow_nan=False)
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text) + "\n"
