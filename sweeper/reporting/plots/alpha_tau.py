"""The plot of the trials of one system by alpha and tau."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import AlphaTauFigure, AlphaTauPoint
from sweeper.reporting.plots import theme


def plot_alpha_tau(data: AlphaTauFigure) -> go.Figure:
    """Plot a marker for each trial: its symbol is the outcome, its color the score if the outcome is a healthy one."""
    figure = theme.empty_figure(380, data.title, legend_entrywidth=theme.OUTCOME_WIDTH)
    for outcome, style in theme.OUTCOME_STYLES.items():
        points = [point for point in data.points if point.outcome == outcome]
        if points:
            _add_points(figure, points, style, by_score=outcome is None or outcome.is_healthy)
    low, high = data.score_range
    colors = theme.colorscale(theme.SCORES, higher_is_better=data.higher_is_better)
    colorbar = theme.colorbar(data.metric)
    figure.update_layout(coloraxis={"colorscale": colors, "cmin": low, "cmax": high, "colorbar": colorbar})
    _set_axes(figure, data)
    return figure


def _add_points(
    figure: go.Figure, points: Sequence[AlphaTauPoint], style: theme.OutcomeStyle, *, by_score: bool
) -> None:
    """Add the trials of one outcome. If their colors are scores, the legend shows the symbol in grey."""
    scores = [point.score for point in points]
    color = {"color": scores, "coloraxis": "coloraxis"} if by_score else {"color": style.color}
    marker = {"symbol": style.symbol, "size": 11, "line": {"width": 1, "color": theme.GREY}}
    figure.add_scatter(
        x=[point.tau for point in points], y=[point.alpha for point in points], mode="markers", showlegend=False,
        customdata=[[point.trial, _format_score(point.score)] for point in points], marker={**marker, **color},
        hovertemplate="trial %{customdata[0]}: %{customdata[1]}<br>tau %{x:.4g}, alpha %{y:.4g}", name=style.label,
    )  # fmt: skip
    legend = {**marker, "color": theme.GREY if by_score else style.color}
    figure.add_scatter(x=[None], y=[None], mode="markers", name=style.label, marker=legend)


def _format_score(score: float | None) -> str:
    return "no score" if score is None else f"{score:.4f}"


def _set_axes(figure: go.Figure, data: AlphaTauFigure) -> None:
    """Show the ranges that were searched: tau on a logarithmic axis, alpha on a linear one."""
    (min_tau, max_tau), (min_alpha, max_alpha) = data.tau_range, data.alpha_range
    margin = 0.04 * (max_alpha - min_alpha)
    ticks = theme.log_ticks(min_tau, max_tau, max_between=4)
    figure.update_xaxes(title="tau", type="log", range=list(np.log10([min_tau / 1.2, max_tau * 1.2])))
    figure.update_xaxes(tickvals=ticks, ticktext=[theme.format_number(tick) for tick in ticks])
    figure.update_yaxes(title="alpha", range=[min_alpha - margin, max_alpha + margin])
