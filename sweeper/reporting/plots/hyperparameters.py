"""Plots of hyperparameters against the score: one of them, or any two, which the reader chooses on the page."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import PairFigure, ParallelAxis, SliceFigure
from sweeper.reporting.plots import theme
from sweeper.training.config import Scalar

_MAX_TICK = 14  # characters of a choice
_MARGIN = 0.05  # share of a searched range that an axis has beyond each end


def plot_slice(data: SliceFigure) -> go.Figure:
    """Plot the score of each trial against one hyperparameter, with a color and a symbol for each system."""
    figure = theme.empty_figure(300 + 20 * len(set(data.systems)), data.axis.name)
    positions, layout = _axis_values(data.axis)
    for k, system in enumerate(data.all_systems):
        of_system = [trial for trial, name in enumerate(data.systems) if name == system]
        if not of_system:
            continue
        figure.add_scatter(
            x=[positions[trial] for trial in of_system], y=[data.scores[trial] for trial in of_system],
            customdata=[[data.trials[trial], _format_choice(data.axis.values[trial])] for trial in of_system],
            mode="markers", name=theme.format_text(system),
            marker={
                "color": theme.SYSTEM_COLORS[k % len(theme.SYSTEM_COLORS)], "size": 8,
                "symbol": theme.SYMBOLS[k % len(theme.SYMBOLS)], "line": {"width": 0.5, "color": theme.GREY},
            },
            hovertemplate="trial %{customdata[0]}: %{y:.4f}<br>%{customdata[1]}",
        )  # fmt: skip
    figure.update_xaxes(**layout)
    figure.update_yaxes(title=theme.format_text(data.metric))
    return figure.update_layout(showlegend=len(data.all_systems) > 1)


def plot_pair(data: PairFigure) -> go.Figure:
    """Plot the trials by the first two hyperparameters. `layout.meta` has all of them, for the page's menus."""
    figure = theme.empty_figure(400)
    colors = theme.colorscale(theme.SCORES, higher_is_better=data.higher_is_better or data.is_rank)
    order = sorted(range(len(data.scores)), key=lambda trial: data.scores[trial], reverse=data.higher_is_better)
    ranks = [order.index(trial) + 1 for trial in range(len(data.scores))]
    values = ranks if data.is_rank else list(data.scores)
    scale: dict[str, Any] = {"colorscale": colors, "colorbar": theme.colorbar("rank" if data.is_rank else data.metric)}
    if data.is_rank:
        scale |= {"reversescale": True}
    axes = [_menu_axis(axis) for axis in data.axes]
    first, second = axes[:2]
    x, y = first["values"], second["values"]
    if not data.is_rank:
        figure.add_contour(
            x=x, y=y, z=list(data.scores), connectgaps=True, ncontours=12, line={"width": 0}, opacity=0.75,
            hoverinfo="skip", **scale,
        )  # fmt: skip
    marker = {"size": 9, "line": {"width": 1, "color": theme.GREY}, "color": values if data.is_rank else theme.GREY}
    figure.add_scatter(
        x=x, y=y, mode="markers", showlegend=False, customdata=list(zip(data.trials, data.scores, strict=True)),
        marker=marker | (scale if data.is_rank else {}),
        hovertemplate="trial %{customdata[0]}: %{customdata[1]:.4f}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title=first["title"], **first["layout"])
    figure.update_yaxes(title=second["title"], **second["layout"])
    return figure.update_layout(meta={"axes": axes})


def _menu_axis(axis: ParallelAxis) -> Mapping[str, Any]:
    """Return an axis that the reader can choose: its name, the values of the trials, and the layout of the axis."""
    values, layout = _axis_values(axis)
    return {"name": axis.name, "title": theme.format_text(axis.name), "values": values, "layout": layout}


def _axis_values(axis: ParallelAxis) -> tuple[list[float | None], dict[str, Any]]:
    """Return the values of the trials as numbers, and the layout of their axis."""
    if axis.choices is not None:
        names = theme.cut_names([theme.format_short(choice) for choice in axis.choices], _MAX_TICK)
        position_of = {choice: float(k) for k, choice in enumerate(axis.choices)}
        labels = {"tickvals": list(position_of.values()), "ticktext": [theme.format_text(name) for name in names]}
        limits = [-0.5, len(names) - 0.5]
        return _positions(axis.values, position_of), {"type": "linear", "range": limits, "autorange": False, **labels}
    values = [None if value is None else float(value) for value in axis.values]
    numbers = [value for value in values if value is not None] + list(axis.range or ())
    low, high = min(numbers, default=1.0), max(numbers, default=1.0)
    if not axis.is_log:
        limits = _with_margins(low, high)
        return values, {"type": "linear", "range": limits, "autorange": False, "tickvals": None, "ticktext": None,
                        "nticks": 6}  # fmt: skip
    ticks = theme.log_ticks(low, high, max_between=3)
    texts = [theme.format_number(tick) for tick in ticks]
    limits = _with_margins(math.log10(low), math.log10(high))
    return values, {"type": "log", "range": limits, "autorange": False, "tickvals": ticks, "ticktext": texts}


def _with_margins(low: float, high: float) -> list[float]:
    """Return the ends of an axis on which a range, with the symbols at its ends, is seen whole."""
    margin = _MARGIN * (high - low) or 0.5
    return [low - margin, high + margin]


def _positions(values: Sequence[Scalar | None], position_of: Mapping[Scalar, float]) -> list[float | None]:
    return [None if value is None else position_of[value] for value in values]


def _format_choice(value: Scalar | None) -> str:
    return "" if value is None else theme.format_text(theme.format_short(value))
