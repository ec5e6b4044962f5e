"""The formats of the published table, one file each.

To add a format, write a file with a function that turns a `TableContent` into text, and add an entry to `FORMATS`. The
choices of `sweeper table --format`, its help and its messages come from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sweeper.reporting.table.content import TableContent
from sweeper.reporting.table.formats import csv, html, json, latex, markdown, typst


@dataclass(frozen=True)
class TableFormat:
    """A format: its label, the suffix of its files, and the function that returns the text, ending in a newline.

    `has_colours` is True if it shows the shades of cells.
    """

    label: str
    suffix: str
    render: Callable[[TableContent], str]
    has_colours: bool = False


FORMATS: Mapping[str, TableFormat] = {
    "md": TableFormat("Markdown", ".md", markdown.render),
    "csv": TableFormat("CSV", ".csv", csv.render),
    "latex": TableFormat("LaTeX with booktabs", ".tex", latex.render, has_colours=True),
    "typst": TableFormat("Typst", ".typ", typst.render),
    "html": TableFormat("HTML", ".html", html.render),
    "json": TableFormat("JSON", ".json", json.render),
}
DEFAULT_FORMAT = "md"
