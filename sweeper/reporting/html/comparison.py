"""The page that compares several sweeps: their table, and the winner of each. It has no figures."""

from collections.abc import Mapping, Sequence

from sweeper.reporting.html.html_elements import ReportSection, fact_list, paragraph, subheading
from sweeper.reporting.html.page import build_page, table_script
from sweeper.reporting.templates.environment import Html

_QUESTION = "Which system is best on which data set, and does its lead stand?"


def build_comparison(
    summary: str, table: Html, facts: Mapping[str, Sequence[tuple[str, str]]], *, remark: str = ""
) -> str:
    """Return the page. `facts` are lines with labels about each sweep, by its name; `remark` stands above the table."""
    question = paragraph(_QUESTION, css_class="lead")
    winners = [part for name, lines in facts.items() for part in (subheading(name), fact_list(lines))]
    sections = [
        ReportSection("glance", "At a glance", [question, *([paragraph(remark)] if remark else []), table]),
        ReportSection("winners", "The winner of each sweep", winners),
    ]
    return build_page("Sweeps compared", summary, sections, table_script(), lambda *_: "")
