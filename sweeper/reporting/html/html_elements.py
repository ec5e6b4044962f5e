"""The HTML elements of a report, made by the macros of templates/elements.html, which escape every text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeper.reporting.html.figure_data import Figure
from sweeper.reporting.templates.environment import Html, macro


@dataclass(frozen=True)
class Quote:
    """A text, its true class, the class that it was taken for, and the probability of that one."""

    text: str
    true: str
    predicted: str
    probability: str


@dataclass(frozen=True)
class FigureGroup:
    """Figures side by side, or below each other on a narrow page. `caption` says what they show."""

    figures: Sequence[Figure]
    caption: str


@dataclass(frozen=True)
class ReportSection:
    """A section of the report under a heading. `name` is its anchor."""

    name: str
    heading: str
    components: Sequence[Html | FigureGroup]


def paragraph(*sentences: str, css_class: str = "") -> Html:
    """Return sentences as a paragraph, with a class of the stylesheet."""
    return macro("paragraph", " ".join(sentences), css_class)


def subheading(text: str) -> Html:
    """Return a heading within a section."""
    return macro("subheading", text)


def bullet_list(lines: Iterable[str]) -> Html:
    """Return lines as a list."""
    return macro("bullet_list", list(lines))


def code_block(text: str) -> Html:
    """Return a text in a fixed-width font, with its line breaks."""
    return macro("code_block", text)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], classes: str, css_class: str = "") -> Html:
    """Return a table. `classes` has a letter for each column: w for words, t for longer texts, n for numbers.

    Raises ValueError if a row has another number of columns.
    """
    cells = [list(row) for row in rows]
    if wrong := next((row for row in [heads, *cells] if len(row) != len(classes)), None):
        raise ValueError(f"the table has {len(classes)} columns, this row {len(wrong)}: {wrong}")
    return macro("table", heads, cells, classes, css_class)


def fact_list(facts: Iterable[tuple[str, str]]) -> Html:
    """Return a list of labels with a text each."""
    return macro("fact_list", list(facts))


def filter_field(label: str) -> Html:
    """Return a field that filters the rows of the table after it."""
    return macro("filter_field", label)


def link(text: str, address: str) -> Html:
    """Return a link that opens another page."""
    return macro("link", text, address)


def quote_list(quotes: Iterable[Quote]) -> Html:
    """Return a numbered list of quoted texts with their classes. None of these changes the direction of the others."""
    return macro("quote_list", list(quotes))


def collapsible(summary: str, inner: Html) -> Html:
    """Return an element that is shown when the reader clicks on its summary."""
    return macro("collapsible", summary, inner)
