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
_MAX_FIRST_TICK, _MAX_TICK, _MAX_AXIS = 28, 16, 24  # characters of a label: of the first ticks, other ticks, an axis
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
    axes = [*data.axes, ParallelAxis(data.metric, data.scores)]
    figure.add_parcoords(
        dimensions=[_dimension(axis, _MAX_FIRST_TICK if k == 0 else _MAX_TICK) for k, axis in enumerate(axes)],
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
    labels = theme.cut_names([theme.format_short(value) for value in first or ()], _MAX_FIRST_TICK)
    return 20 + max((theme.text_width(label) for label in labels), default=36)


def _dimension(axis: ParallelAxis, max_tick: int) -> dict[str, Any]:
    """Return an axis for plotly, with ticks of at most `max_tick` characters, in which it reads no markup."""
    if axis.choices is not None:
        positions, ticks = _place_choices(axis, axis.choices, max_tick)
    else:
        positions, ticks = _place_numbers(axis)
    occupied = [*(position for position in positions if position is not None), *(position for position, _ in ticks)]
    low, high = min(occupied, default=0.0), max(occupied, default=1.0)
    none_position = low - _NONE_OFFSET * ((high - low) or 1)
    if None in positions:
        ticks, low = [(none_position, "none"), *ticks], none_position
    return {
        "label": theme.format_text(axis.name, _MAX_AXIS),
        "values": [none_position if position is None else position for position in positions],
        "range": [low, high if high > low else low + 1],
        "tickvals": [position for position, _ in ticks],
        "ticktext": [label for _, label in ticks],
    }


def _place_choices(axis: ParallelAxis, choices: Sequence[Scalar], max_tick: int) -> tuple[Positions, Ticks]:
    """Place the values of a categorical axis at 0, 1, 2, …"""
    position_of = {choice: float(position) for position, choice in enumerate(choices)}
    positions = [None if value is None else position_of[value] for value in axis.values]
    labels = theme.cut_names([theme.format_short(choice) for choice in position_of], max_tick)
    return positions, list(zip(position_of.values(), labels, strict=True))


def _place_numbers(axis: ParallelAxis) -> tuple[Positions, Ticks]:
    """Place the values of a numeric axis, on a logarithmic scale if it is one."""
    known = [float(value) for value in axis.values if value is not None]
    low, high = axis.range or (min(known, default=0.0), max(known, default=1.0))
    if not axis.is_log:
        ticks = [(float(tick), theme.format_number(float(tick))) for tick in np.linspace(low, high, _LINEAR_TICKS)]
        return [None if value is None else float(value) for value in axis.values], ticks
    positions = [None if value is None else math.log10(float(value)) for value in axis.values]
    return positions, [(math.log10(tick), theme.format_number(tick)) for tick in theme.log_ticks(low, high)]
