"""The HTML elements of a report. A string becomes `Html` only here, and is escaped on the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NewType

from sweeper.reporting.html.figure_data import Figure
from sweeper.wording import show_controls

Html = NewType("Html", str)


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


def escape_html(value: object) -> Html:
    """Return any value as text; markup and control characters in it are shown literally."""
    return Html(escape(show_controls(str(value), keep="\n\t")))


def paragraph(*sentences: str, css_class: str = "") -> Html:
    """Return sentences as a paragraph, with a class of the stylesheet."""
    attribute = f' class="{escape(css_class)}"' if css_class else ""
    return Html(f"<p{attribute}>{escape_html(' '.join(sentences))}</p>")


def bullet_list(lines: Iterable[str]) -> Html:
    """Return lines as a list."""
    return Html(f"<ul>{''.join(f'<li>{escape_html(line)}</li>' for line in lines)}</ul>")


def code_block(text: str) -> Html:
    """Return a text in a fixed-width font, with its line breaks."""
    return Html(f"<pre><code>{escape_html(text)}</code></pre>")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], classes: str) -> Html:
    """Return a table. `classes` has a letter for each column: w for words, t for longer texts, n for numbers."""
    header = "".join(
        f'<th scope="col" class="{css_class}">{escape_html(head)}</th>'
        for css_class, head in zip(classes, heads, strict=True)
    )
    body = "".join(f"<tr>{_table_cells(row, classes)}</tr>" for row in rows)
    return scrollable(Html(f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"))


def _table_cells(row: Sequence[object], classes: str) -> str:
    return "".join(
        f"<td class={css_class}>{escape_html(value)}</td>" for css_class, value in zip(classes, row, strict=True)
    )


def scrollable(inner: Html) -> Html:
    """Return an element that scrolls sideways on its own if it is wider than the page."""
    return Html(f'<div class="wide" tabindex="0">{inner}</div>')


def quote_list(quotes: Iterable[tuple[str, str]]) -> Html:
    """Return a numbered list of quoted texts, each with a comment."""
    lines = "".join(f"<li>{escape_html(text)}<span>{escape_html(comment)}</span></li>" for text, comment in quotes)
    return Html(f'<ol class="quotes">{lines}</ol>')


def collapsible(summary: str, inner: Html) -> Html:
    """Return an element that is shown when the reader clicks on its summary."""
    return Html(f"<details><summary>{escape_html(summary)}</summary>{inner}</details>")
