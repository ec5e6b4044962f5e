"""The page of a report: its sections, a stylesheet, and plotly.js once. It loads nothing from a network."""

from collections.abc import Callable, Sequence

from sweeper.reporting.html.figure_data import ClassWeightsFigure, ConfusionFigure, Figure, ParallelFigure
from sweeper.reporting.html.html_elements import FigureGroup, Html, ReportSection, escape_html, scrollable

# Widths in pixels
_AXIS_WIDTH = 120  # of an axis of parallel coordinates
_MATRIX_MARGIN = 200  # of a matrix without its squares
_SQUARE_WIDTH, _NARROW_SQUARE_WIDTH = (34, 72), (18, 72)  # of a square at least and at most; without a number in it

_MAX_SQUARES = 120  # more classes share the width of so many
_MAX_SIDE_BY_SIDE = 12  # matrices with more classes than this need the whole width of the page

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5b6670; --line: #d5dbe1; --ground: #ffffff; --tint: #f3f6f9;
  --mark: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #a3adb7; --line: #3a434c; --ground: #15191d;
  --tint: #1f252b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem clamp(.75rem, 3vw, 2.5rem) 4rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: clamp(1.35rem, 4vw, 1.9rem); line-height: 1.2; margin: 1rem 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }
p, li { max-width: 46rem; }
.soft, figcaption { color: var(--soft); }
.notice { border-left: .3rem solid var(--mark); background: var(--tint); padding: .5rem .75rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .15rem 1rem; padding: 0; list-style: none; max-width: none; }
a { color: inherit; }
figure { margin: 1rem 0; }
figcaption { max-width: 46rem; font-size: .92rem; }
.panels { display: grid; gap: .75rem 1.5rem; grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr)); }
.panels > * { min-width: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { padding: .25rem .7rem .25rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
.w, .t { text-align: left; }
td.t { min-width: 16rem; }
td.w { min-width: 8rem; overflow-wrap: anywhere; }
.n { white-space: nowrap; }
th.n { white-space: normal; }
ol.quotes li { margin: .5rem 0; }
ol.quotes span { display: block; color: var(--soft); font-size: .92rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
th[scope=row] { text-align: left; color: inherit; font-weight: 400; vertical-align: top; }
.results th, .results td { text-align: left; padding-right: 1.2rem; }
.note { color: var(--soft); font-size: .85rem; margin: .35rem 0; }
pre { background: var(--tint); padding: .75rem; overflow-x: auto; font-size: .85rem; }
summary { cursor: pointer; }
.js-plotly-plot text:not(.heatmap-label text, .hoverlayer text, .bartext) { fill: var(--ink) !important; }
@media print { h2 { break-after: avoid; } figure, .plot { break-inside: avoid; } nav { display: none; } }
.printed { width: 900px; max-width: none; padding: 0; }
.printed .wide { overflow: visible; }
.js-plotly-plot .parcoords text { text-shadow: 0 0 2px var(--ground), 0 0 4px var(--ground) !important; }
""".strip()

Draw = Callable[[Figure, str], str]


def build_page(title: str, summary: str, sections: Sequence[ReportSection], plotly_js: str, draw: Draw) -> str:
    """Return the HTML of the page. `draw` returns the HTML of a figure, given the id of its element."""
    links = "".join(f'<li><a href="#{section.name}">{escape_html(section.heading)}</a></li>' for section in sections)
    body = "\n".join(_section_html(section, draw) for section in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape_html(title)}</title>
<style>
{_STYLE}
</style>
<script>{plotly_js}</script>
</head>
<body>
<header>
<h1>{escape_html(title)}</h1>
<p class="soft">{escape_html(summary)}</p>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<noscript><p class="notice">The figures need JavaScript; the tables do not.</p></noscript>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _section_html(section: ReportSection, draw: Draw) -> str:
    name = section.name
    body = "\n".join(_component_html(part, f"{name}-{k}", draw) for k, part in enumerate(section.components))
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape_html(section.heading)}</h2>\n{body}\n</section>'


def _component_html(component: Html | FigureGroup, element_id: str, draw: Draw) -> str:
    if not isinstance(component, FigureGroup):
        return component
    figures = component.figures
    panels = "\n".join(_panel_html(figure, f"{element_id}-{k}", draw) for k, figure in enumerate(figures))
    is_side_by_side = len(figures) > 1 and not any(_is_large(figure) for figure in figures)
    css_class = ' class="panels"' if is_side_by_side else ""
    caption = escape_html(component.caption)
    return f"<figure><div{css_class}>\n{panels}\n</div><figcaption>{caption}</figcaption></figure>"


def _panel_html(figure: Figure, element_id: str, draw: Draw) -> str:
    plot = draw(figure, element_id)
    if isinstance(figure, ParallelFigure):  # lines that cross too close together are indistinguishable
        return scrollable(Html(f'<div style="min-width: {_AXIS_WIDTH * (len(figure.axes) + 1)}px">{plot}</div>'))
    if isinstance(figure, ConfusionFigure | ClassWeightsFigure):
        limits = _NARROW_SQUARE_WIDTH if _is_large(figure) else _SQUARE_WIDTH
        low, high = (_MATRIX_MARGIN + width * min(len(figure.labels), _MAX_SQUARES) for width in limits)
        return scrollable(Html(f'<div style="min-width: {low}px; max-width: {high}px">{plot}</div>'))
    return f"<div>{plot}</div>"


def _is_large(figure: Figure) -> bool:
    """Return True if a figure is a matrix that needs the whole width of the page."""
    return isinstance(figure, ConfusionFigure | ClassWeightsFigure) and len(figure.labels) > _MAX_SIDE_BY_SIDE
