"""The page of a report: its sections, a stylesheet, and plotly.js once. It loads nothing from a network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweeper.reporting.html.figure_data import ClassWeightsFigure, ConfusionFigure, Figure
from sweeper.reporting.html.html_elements import FigureGroup, ReportSection
from sweeper.reporting.templates.environment import Html, read_text, render

# Widths in pixels
_MATRIX_MARGIN = 200  # of a matrix without its squares
_SQUARE_WIDTH = 72  # of a square of a matrix at most
_MAX_SQUARES = 120  # more classes share the width of so many
_MAX_SIDE_BY_SIDE = 12  # matrices with more classes than this need the whole width of the page

Draw = Callable[[Figure, str], str]


@dataclass(frozen=True)
class _PageSection:
    """A section as the template takes it."""

    name: str
    heading: str
    parts: Sequence[Html]


@dataclass(frozen=True)
class _Panel:
    """The plot of a figure, and how many pixels it may be wide; 0 for any width."""

    plot: Html
    max_width: int


def table_script() -> str:
    """Return the element with which a page without figures has sorting, filters and menus of tables."""
    return str(Html("<script>{}</script>").format(Html(read_text("tables.js"))))


def build_page(title: str, summary: str, sections: Sequence[ReportSection], scripts: str, draw: Draw) -> str:
    """Return the HTML of the page.

    `scripts` are the elements of its head that draw the figures. `draw` returns the HTML of a figure, given the id of
    its element.
    """
    return str(
        render(
            "page.html",
            title=title,
            summary=summary,
            style=Html(read_text("style.css")),
            scripts=Html(scripts),
            sections=[_page_section(section, draw) for section in sections],
        )
    )


def _page_section(section: ReportSection, draw: Draw) -> _PageSection:
    parts = [_component_html(part, f"{section.name}-{k}", draw) for k, part in enumerate(section.components)]
    return _PageSection(section.name, section.heading, parts)


def _component_html(component: Html | FigureGroup, element_id: str, draw: Draw) -> Html:
    if not isinstance(component, FigureGroup):
        return component
    figures = component.figures
    return render(
        "figures.html",
        panels=[
            _Panel(Html(draw(figure, f"{element_id}-{k}")), _max_width(figure)) for k, figure in enumerate(figures)
        ],
        is_side_by_side=len(figures) > 1 and not any(_is_large(figure) for figure in figures),
        caption=component.caption,
    )


def _max_width(figure: Figure) -> int:
    if not isinstance(figure, ConfusionFigure | ClassWeightsFigure):
        return 0
    return _MATRIX_MARGIN + _SQUARE_WIDTH * min(len(figure.labels), _MAX_SQUARES)


def _is_large(figure: Figure) -> bool:
    """Return True if a figure is a matrix that needs the whole width of the page."""
    return isinstance(figure, ConfusionFigure | ClassWeightsFigure) and len(figure.labels) > _MAX_SIDE_BY_SIDE
