"""The little HTML that a report is made of. A string becomes Html here and nowhere else, and is escaped on the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NewType

from sweeper.reporting.html.figure_data import Figure

Html = NewType("Html", str)


@dataclass(frozen=True)
class FigureGroup:
    """Pictures side by side, or below each other where there is no room; `caption` says what to see in them."""

    figures: Sequence[Figure]
    caption: str


@dataclass(frozen=True)
class ReportSection:
    """A part of the report under a heading; `name` is its anchor."""

    name: str
    heading: str
    components: Sequence[Html | FigureGroup]


def escape_html(words: object) -> Html:
    """Anything as text: what is markup in it is shown, not obeyed."""
    return Html(escape(str(words)))


def paragraph(*sentences: str, kind: str = "") -> Html:
    """Sentences, as a paragraph of a kind that the stylesheet knows."""
    mark = f' class="{escape(kind)}"' if kind else ""
    return Html(f"<p{mark}>{escape_html(' '.join(sentences))}</p>")


def items(lines: Iterable[str]) -> Html:
    """A list."""
    return Html(f"<ul>{''.join(f'<li>{escape_html(line)}</li>' for line in lines)}</ul>")


def code(lines: str) -> Html:
    """Lines as they are."""
    return Html(f"<pre><code>{escape_html(lines)}</code></pre>")


def table(head: Sequence[str], rows: Iterable[Sequence[object]], kinds: str) -> Html:
    """A table; `kinds` has a letter for each column: w for words, t for longer text, n for figures."""
    top = "".join(
        f'<th scope="col" class="{side}">{escape_html(cell)}</th>' for side, cell in zip(kinds, head, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(f'<td class={side}>{escape_html(cell)}</td>' for side, cell in zip(kinds, row, strict=True))}</tr>"
        for row in rows
    )
    return scrollable(Html(f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"))


def scrollable(inner: Html) -> Html:
    """Something that may be wider than the page, and is then moved sideways by itself."""
    return Html(f'<div class="wide" tabindex="0">{inner}</div>')


def quotes(entries: Iterable[tuple[str, str]]) -> Html:
    """A numbered list of texts, each with what is said of it."""
    lines = "".join(f"<li>{escape_html(quoted)}<span>{escape_html(said)}</span></li>" for quoted, said in entries)
    return Html(f'<ol class="quotes">{lines}</ol>')


def collapsible(summary: str, inner: Html) -> Html:
    """Something that is shown when the reader asks for it."""
    return Html(f"<details><summary>{escape_html(summary)}</summary>{inner}</details>")
