"""Parallel coordinates of the search: every trial is a line.

This includes trials without a score and trials to which a hyperparameter did not apply. Their lines pass below the
axis, at a tick named "none".
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import ParallelAxis, ParallelFigure
from sweeper.reporting.plots import theme
from sweeper.training.config import Scalar

_NONE_OFFSET = 0.12  # share of an axis by which the tick "none" lies below it
_LINEAR_TICKS = 5  # number of ticks of a linear axis

Positions = list[float | None]  # of each trial along an axis; None where the trial has no value
Ticks = list[tuple[float, str]]  # position and label


def plot_parallel(data: ParallelFigure) -> go.Figure:
    """Plot a line for each trial, colored by its score; a trial without a score has the color of the worst one."""
    known = [score for score in data.scores if score is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    worst = low if data.higher_is_better else high
    colors = theme.colorscale(theme.SCORES, higher_is_better=data.higher_is_better)
    figure = theme.empty_figure(430, margin={"l": _left_margin(data), "r": 56, "t": 64, "b": 16})
    figure.add_parcoords(
        dimensions=[_dimension(axis) for axis in (*data.axes, ParallelAxis(data.metric, data.scores))],
        line={
            "color": [worst if score is None else score for score in data.scores],
            "colorscale": colors, "cmin": low, "cmax": high,
        },
        labelangle=-15, labelside="top", unselected={"line": {"opacity": 0.05}},
    )  # fmt: skip
    return figure


def _left_margin(data: ParallelFigure) -> int:
    """Return the pixels that the tick labels of the first axis need."""
    first = data.axes[0].choices if data.axes else None
    return min(220, 20 + 6 * max((len(theme.format_short(value)) for value in first or ()), default=6))


def _dimension(axis: ParallelAxis) -> dict[str, Any]:
    """Return an axis in plotly's form."""
    positions, ticks = _place_choices(axis, axis.choices) if axis.choices is not None else _place_numbers(axis)
    occupied = [*(position for position in positions if position is not None), *(position for position, _ in ticks)]
    low, high = min(occupied, default=0.0), max(occupied, default=1.0)
    none_position = low - _NONE_OFFSET * ((high - low) or 1)
    if None in positions:
        ticks, low = [(none_position, "none"), *ticks], none_position
    return {
        "label": theme.escape_text(axis.name),
        "values": [none_position if position is None else position for position in positions],
        "range": [low, high if high > low else low + 1],
        "tickvals": [position for position, _ in ticks],
        "ticktext": [theme.escape_text(label) for _, label in ticks],
    }


def _place_choices(axis: ParallelAxis, choices: Sequence[Scalar]) -> tuple[Positions, Ticks]:
    """Place the values of a categorical axis at 0, 1, 2, …"""
    position_of = {choice: float(position) for position, choice in enumerate(choices)}
    positions = [None if value is None else position_of[value] for value in axis.values]
    return positions, [(position, theme.format_short(choice)) for choice, position in position_of.items()]


def _place_numbers(axis: ParallelAxis) -> tuple[Positions, Ticks]:
    """Place the values of a numeric axis, on a logarithmic scale if it is one."""
    known = [float(value) for value in axis.values if value is not None]
    low, high = axis.range or (min(known, default=0.0), max(known, default=1.0))
    if not axis.is_log:
        ticks = [(float(tick), theme.format_number(float(tick))) for tick in np.linspace(low, high, _LINEAR_TICKS)]
        return [None if value is None else float(value) for value in axis.values], ticks
    positions = [None if value is None else math.log10(float(value)) for value in axis.values]
    return positions, [(math.log10(tick), theme.format_number(tick)) for tick in theme.log_ticks(low, high)]
