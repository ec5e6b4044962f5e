"""The page: sections under one stylesheet, and the library that draws the pictures, once. It loads nothing."""

from collections.abc import Callable, Sequence

from sweeper.reporting.html.figure_data import ClassWeightsFigure, ConfusionFigure, Figure, Parallel
from sweeper.reporting.html.html_elements import FigureGroup, Html, ReportSection, escape_html, scrollable

_AXIS = 120  # pixels that an axis of parallel coordinates needs
_MATRIX = 200  # those that a matrix has beside its squares
_CLASS, _NARROW = (34, 72), (18, 72)  # those for each class, least and most; without figures in the squares
_MOST_BESIDE = 12  # classes of matrices that still have room side by side

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5b6670; --line: #d5dbe1; --ground: #ffffff; --tint: #f3f6f9;
  --mark: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #a3adb7; --line: #3a434c; --ground: #15191d;
  --tint: #1f252b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem clamp(.75rem, 3vw, 2.5rem) 4rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: clamp(1.35rem, 4vw, 1.9rem); line-height: 1.2; margin: 1rem 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }
p, li { max-width: 46rem; }
.soft, figcaption { color: var(--soft); }
.notice { border-left: .3rem solid var(--mark); background: var(--tint); padding: .5rem .75rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .15rem 1rem; padding: 0; list-style: none; max-width: none; }
a { color: inherit; }
figure { margin: 1rem 0; }
figcaption { max-width: 46rem; font-size: .92rem; }
.panels { display: grid; gap: .75rem 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }
.panels > * { min-width: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { padding: .25rem .7rem .25rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
.w, .t { text-align: left; }
td.t { min-width: 16rem; }
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
.js-plotly-plot .parcoords text { text-shadow: 0 0 2px var(--ground), 0 0 4px var(--ground) !important; }
""".strip()

Draw = Callable[[Figure, str], str]


def build_page(title: str, about: str, sections: Sequence[ReportSection], library: str, draw: Draw) -> str:
    """The whole page. `draw` makes a picture's HTML, which `library`, a script, brings to life."""
    links = "".join(f'<li><a href="#{one.name}">{escape_html(one.heading)}</a></li>' for one in sections)
    body = "\n".join(_section(one, draw) for one in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape_html(title)}</title>
<style>
{_STYLE}
</style>
<script>{library}</script>
</head>
<body>
<header>
<h1>{escape_html(title)}</h1>
<p class="soft">{escape_html(about)}</p>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<noscript><p class="notice">The pictures need JavaScript; the tables do not.</p></noscript>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _section(section: ReportSection, draw: Draw) -> str:
    name = section.name
    parts = "\n".join(_part(part, f"{name}-{k}", draw) for k, part in enumerate(section.components))
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape_html(section.heading)}</h2>\n{parts}\n</section>'


def _part(part: Html | FigureGroup, name: str, draw: Draw) -> str:
    if not isinstance(part, FigureGroup):
        return part
    panels = "\n".join(_panel(figure, f"{name}-{k}", draw) for k, figure in enumerate(part.figures))
    beside = len(part.figures) > 1 and not any(_large(figure) for figure in part.figures)
    kind = ' class="panels"' if beside else ""
    return f"<figure><div{kind}>\n{panels}\n</div><figcaption>{escape_html(part.caption)}</figcaption></figure>"


def _panel(figure: Figure, name: str, draw: Draw) -> str:
    drawn = draw(figure, name)
    if isinstance(figure, Parallel):  # lines that cross too close together cannot be told apart
        return scrollable(Html(f'<div style="min-width: {_AXIS * (len(figure.axes) + 1)}px">{drawn}</div>'))
    if isinstance(figure, ConfusionFigure | ClassWeightsFigure):
        least, most = (_MATRIX + pixels * len(figure.labels) for pixels in (_NARROW if _large(figure) else _CLASS))
        return scrollable(Html(f'<div style="min-width: {least}px; max-width: {most}px">{drawn}</div>'))
    return f"<div>{drawn}</div>"


def _large(figure: Figure) -> bool:
    """Whether a matrix needs the whole width."""
    return isinstance(figure, ConfusionFigure | ClassWeightsFigure) and len(figure.labels) > _MOST_BESIDE
