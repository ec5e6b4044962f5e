"""plotly: how the pictures of a report look. What is in them is in report/figures.py."""

from collections.abc import Sequence
from functools import singledispatch

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from sweeper.reporting.html import figure_data
from sweeper.reporting.plots import theme
from sweeper.reporting.plots.curves import curves, timeline
from sweeper.reporting.plots.heatmaps import confusion, weights
from sweeper.reporting.plots.parallel_coordinates import parallel
from sweeper.reporting.plots.theme import (
    BLUE,
    DASHES,
    GREY,
    ORANGE,
    OUTCOME_STYLES,
    RED,
    SYSTEM_COLOURS,
    empty_figure,
    escape_text,
)

_CONFIG = {  # of plotly's own buttons, one would send the picture to a server of theirs
    "responsive": True,
    "displaylogo": False,
    "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d"]],
}


def plotly_js() -> str:
    """plotly.js, which all pictures of a page need, once."""
    return str(get_plotlyjs())


def figure_html(figure: figure_data.Figure, name: str) -> str:
    """A picture as HTML for a page that has the library; `name` is its element's."""
    config = {**_CONFIG, "displayModeBar": False} if isinstance(figure, figure_data.Parallel) else _CONFIG
    return str(draw(figure).to_html(full_html=False, include_plotlyjs=False, config=config, div_id=name))


@singledispatch
def draw(figure: figure_data.Figure) -> go.Figure:
    """A picture, by what is in it."""
    raise TypeError(f"nothing draws {type(figure).__name__}")


draw.register(figure_data.Parallel, parallel)
draw.register(figure_data.Curves, curves)
draw.register(figure_data.Timeline, timeline)
draw.register(figure_data.ConfusionFigure, confusion)
draw.register(figure_data.ClassWeightsFigure, weights)


@draw.register
def _optimism(figure: figure_data.Optimism) -> go.Figure:
    """A row for each cell: what the search promised, each fresh seed on validation, and on test."""
    drawn, rows = empty_figure(110 + 64 * len(figure.rows)), list(enumerate(reversed(figure.rows)))
    _add_signs(drawn, "fresh seeds, validation", "circle-open", BLUE, [(row.validation, at) for at, row in rows])
    _add_signs(drawn, "fresh seeds, test", "triangle-up-open", ORANGE, [(row.test, at - 0.2) for at, row in rows])
    _add_signs(drawn, "the search's best", "diamond", GREY, [([row.search], at) for at, row in rows])
    for at, row in rows:
        drawn.add_annotation(
            x=0, xref="paper", y=at + 0.34, text=escape_text(row.system), showarrow=False, xanchor="left"
        )
    drawn.update_yaxes(visible=False, range=[-0.5, len(rows) - 0.4])
    drawn.update_xaxes(title=figure.metric)
    return drawn


def _add_signs(
    drawn: go.Figure, name: str, sign: str, colour: str, rows: Sequence[tuple[Sequence[float], float]]
) -> None:
    """A sign for each score, at the height of its row."""
    points = [(score, at) for scores, at in rows for score in scores]
    if points:
        drawn.add_scatter(
            x=[score for score, _ in points], y=[at for _, at in points], name=name, mode="markers",
            marker={"symbol": sign, "color": colour, "size": 10, "line": {"width": 2}}, hovertemplate="%{x:.4f}",
        )  # fmt: skip


@draw.register
def _importances(figure: figure_data.Importances) -> go.Figure:
    """A bar for each knob, and a mark where chance ends."""
    drawn, hyperparameters = (
        empty_figure(110 + 34 * len(figure.hyperparameters), figure.title),
        list(reversed(figure.hyperparameters)),
    )
    names = [escape_text(one.hyperparameter) for one in hyperparameters]
    colours = [BLUE if one.share > one.chance else GREY for one in hyperparameters]
    drawn.add_bar(
        x=[one.share for one in hyperparameters], y=names, orientation="h", name="share", showlegend=False,
        marker={"color": colours}, hovertemplate="%{x:.0%}",
    )  # fmt: skip
    drawn.add_scatter(
        x=[min(one.chance, 1.0) for one in hyperparameters], y=names, mode="markers", name="the most by chance",
        hovertemplate="%{x:.0%}",
        marker={"symbol": "line-ns", "size": 18, "color": RED, "line": {"width": 3, "color": RED}},
    )  # fmt: skip
    drawn.update_xaxes(tickformat=".0%", range=[0, 1.04])
    return drawn


@draw.register
def _map(figure: figure_data.AlphaTauMap) -> go.Figure:
    """A sign for each trial: its shape is the outcome, its colour the score of one that went well."""
    drawn = empty_figure(380, figure.title, legend_entrywidth=theme.OUTCOME)
    for outcome, look in OUTCOME_STYLES.items():
        points = [point for point in figure.points if point.outcome == outcome]
        _add_points(drawn, points, look, scored=outcome is None or outcome.healthy)
    low, high = figure.scores
    colours = theme.colorscale(theme.SCORES, more=figure.more)
    drawn.update_layout(
        coloraxis={"colorscale": colours, "cmin": low, "cmax": high, "colorbar": theme.colorbar(figure.metric)}
    )
    (least, most), (bottom, top) = figure.taus, figure.alphas
    margin = 0.04 * (top - bottom)
    ticks = theme.log_ticks(least, most, most=4)
    drawn.update_xaxes(title="tau", type="log", range=list(np.log10([least / 1.2, most * 1.2])))
    drawn.update_xaxes(tickvals=ticks, ticktext=[theme.format_number(value) for value in ticks])
    drawn.update_yaxes(title="alpha", range=[bottom - margin, top + margin])
    return drawn


def _add_points(
    drawn: go.Figure, points: Sequence[figure_data.AlphaTauPoint], look: theme.OutcomeStyle, *, scored: bool
) -> None:
    """The trials that ended alike. Where colours are scores, the legend has the sign in grey."""
    scores = [point.score for point in points]
    colour = {"color": scores, "coloraxis": "coloraxis"} if scored else {"color": look.colour}
    sign = {"symbol": look.sign, "size": 11, "line": {"width": 1, "color": GREY}}
    if points:
        drawn.add_scatter(
            x=[point.tau for point in points], y=[point.alpha for point in points], mode="markers", showlegend=False,
            customdata=[[point.trial, _score(point.score)] for point in points], marker={**sign, **colour},
            hovertemplate="trial %{customdata[0]}: %{customdata[1]}<br>tau %{x:.4g}, alpha %{y:.4g}", name=look.words,
        )  # fmt: skip
        legend = {**sign, "color": GREY if scored else look.colour}
        drawn.add_scatter(x=[None], y=[None], mode="markers", name=look.words, marker=legend)


def _score(score: float | None) -> str:
    return "no score" if score is None else f"{score:.4f}"


@draw.register
def _expected(figure: figure_data.Expected) -> go.Figure:
    """A line for each cell."""
    drawn = empty_figure(380)
    for k, one in enumerate(figure.lines):
        drawn.add_scatter(
            x=list(range(1, len(one.best) + 1)), y=list(one.best), name=escape_text(one.system), mode="lines+markers",
            line={"color": SYSTEM_COLOURS[k % len(SYSTEM_COLOURS)], "width": 2, "dash": DASHES[k // len(SYSTEM_COLOURS) % len(DASHES)]},
            marker={"size": 4}, hovertemplate="%{x} trials: %{y:.4f}",
        )  # fmt: skip
    most = max((len(one.best) for one in figure.lines), default=1)
    drawn.update_xaxes(title="trials", dtick=1 if most <= theme.COUNTED else None)
    drawn.update_yaxes(title=f"expected best {figure.metric}")
    return drawn
