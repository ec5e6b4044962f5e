"""Parallel coordinates of the search: every trial is a line from axis to axis, which lie below each other.

This includes trials without a score and trials to which a hyperparameter did not apply. Their lines pass left of the
axis, at a tick named "none". Axes that lie flat have room for their labels on a page of any width.
"""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import ParallelAxis, ParallelFigure
from sweeper.reporting.plots import theme
from sweeper.training.config import Scalar

_NONE = "none"
_NONE_OFFSET = 0.2  # share of an axis by which the tick "none" lies left of it
_AXIS_HEIGHT = 62  # pixels from one axis to the next
_NARROW = 300  # pixels of an axis on the narrowest page
_LINEAR_TICKS = 5  # number of ticks of a linear axis
_MAX_LOG_TICKS = 3  # between both ends of a logarithmic axis
_MAX_IN_A_LINE = 3  # more choices than this have their labels in two lines
_COLORS = 9  # steps of the color scale

Positions = list[float | None]  # of each trial along an axis; None where the trial has no value
Ticks = list[tuple[float, str]]  # position and label


def plot_parallel(data: ParallelFigure) -> go.Figure:
    """Plot a line for each trial, colored by its score; a trial without a score has the color of the worst one."""
    axes = [*data.axes, ParallelAxis(data.metric, data.scores)]
    figure = theme.empty_figure(50 + _AXIS_HEIGHT * len(axes), margin={"l": 8, "r": 8, "t": 30, "b": 34})
    placed = [_place(axis) for axis in axes]
    _add_lines(figure, data, [positions for positions, _ in placed])
    for row, (axis, (_, ticks)) in enumerate(zip(axes, placed, strict=True)):
        figure.add_shape(type="line", x0=0, x1=1, y0=-row, y1=-row, line={"color": theme.GREY, "width": 1})
        label = {"y": -row, "showarrow": False, "font": {"size": 11}}
        figure.add_annotation(
            x=0, text=f"<b>{theme.format_text(axis.name)}</b>", xanchor="left", yanchor="bottom", **label
        )
        for k, (position, text) in enumerate(ticks):
            is_crowded = len(ticks) > _MAX_IN_A_LINE or ticks[0][1] == _NONE
            shift = -13 * (k % 2) if axis.choices is not None and is_crowded else 0
            anchor = "left" if position < 0.02 else "right" if position > 0.98 else "center"
            figure.add_annotation(
                x=position, text=theme.format_text(text), xanchor=anchor, yanchor="top", yshift=shift, **label
            )
    figure.update_xaxes(visible=False, range=[-0.01, 1.01], fixedrange=True)
    figure.update_yaxes(visible=False, range=[0.1 - len(axes) + 0.7, 0.2], fixedrange=True)
    return figure


def _add_lines(figure: go.Figure, data: ParallelFigure, positions: Sequence[Sequence[float]]) -> None:
    """Add the trials as lines: a trace for each color, the best color last and therefore on top."""
    scores = [score for score in data.scores if score is not None]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    worst = low if data.higher_is_better else high
    shares = [((worst if score is None else score) - low) / ((high - low) or 1) for score in data.scores]
    steps = [round(share * (_COLORS - 1)) for share in shares]
    colors = theme.color_steps(_COLORS, higher_is_better=data.higher_is_better)
    for step in sorted(set(steps), reverse=not data.higher_is_better):
        trials = [trial for trial, trial_step in enumerate(steps) if trial_step == step]
        texts = [_describe(data, trial) for trial in trials]
        figure.add_scatter(
            x=[x for trial in trials for x in [*(row[trial] for row in positions), None]],
            y=[y for _ in trials for y in [*(-row for row in range(len(positions))), None]],
            text=[text for text in texts for _ in range(len(positions) + 1)],
            mode="lines+markers", line={"color": colors[step], "width": 1.5}, marker={"size": 4},
            hovertemplate="%{text}<extra></extra>", showlegend=False, opacity=0.8,
        )  # fmt: skip


def _describe(data: ParallelFigure, trial: int) -> str:
    """Return the values of a trial, a line for each axis."""
    score = data.scores[trial]
    values = [(axis.name, axis.values[trial]) for axis in data.axes] + [(data.metric, score)]
    return "<br>".join(
        f"{theme.format_text(name)}: {'none' if value is None else theme.format_text(theme.format_short(value))}"
        for name, value in values
    )


def _place(axis: ParallelAxis) -> tuple[list[float], Ticks]:
    """Return where each trial and each tick lies between 0 and 1."""
    positions, ticks = _place_choices(axis, axis.choices) if axis.choices is not None else _place_numbers(axis)
    occupied = [*(position for position in positions if position is not None), *(position for position, _ in ticks)]
    low, high = min(occupied, default=0.0), max(occupied, default=1.0)
    none_position = low - _NONE_OFFSET * ((high - low) or 1)
    if None in positions:
        ticks, low = [(none_position, _NONE), *ticks], none_position
    length = (high - low) or 1.0
    filled = [none_position if position is None else position for position in positions]
    places = [((tick - low) / length, text) for tick, text in ticks]
    return [(position - low) / length for position in filled], places if axis.choices else _thin_out(places)


def _thin_out(ticks: Ticks) -> Ticks:
    """Return the ticks whose labels do not meet on a narrow page: the first, the last, and others if they fit."""
    if len(ticks) < 3:
        return ticks
    kept_ticks, last = [ticks[0]], ticks[-1]
    right = float(theme.text_width(ticks[0][1]))
    limit = _NARROW - theme.text_width(last[1])
    for position, text in ticks[1:-1]:
        half = theme.text_width(text) / 2 + 3
        if position * _NARROW - half > right and position * _NARROW + half < limit:
            kept_ticks.append((position, text))
            right = position * _NARROW + half
    return [*kept_ticks, last]


def _place_choices(axis: ParallelAxis, choices: Sequence[Scalar]) -> tuple[Positions, Ticks]:
    """Place the values of a categorical axis at 0, 1, 2, … with names that fit on a narrow page."""
    position_of = {choice: float(position) for position, choice in enumerate(choices)}
    positions = [None if value is None else position_of[value] for value in axis.values]
    lines = 1 if len(choices) <= _MAX_IN_A_LINE else 2
    room = lines * _NARROW // max(len(choices), 1) - 10
    names = [theme.format_short(choice) for choice in position_of]
    widest = max((theme.text_width(name) / max(len(name), 1) for name in names), default=7)
    return positions, list(zip(position_of.values(), theme.cut_names(names, max(int(room / widest), 4)), strict=True))


def _place_numbers(axis: ParallelAxis) -> tuple[Positions, Ticks]:
    """Place the values of a numeric axis, on a logarithmic scale if it is one."""
    values = [float(value) for value in axis.values if value is not None]
    low, high = axis.range or (min(values, default=0.0), max(values, default=1.0))
    if not axis.is_log:
        ticks = [(float(tick), theme.format_number(float(tick))) for tick in np.linspace(low, high, _LINEAR_TICKS)]
        return [None if value is None else float(value) for value in axis.values], ticks if high > low else ticks[:1]
    positions = [None if value is None else math.log10(float(value)) for value in axis.values]
    numbers = theme.log_ticks(low, high, _MAX_LOG_TICKS)
    return positions, [(math.log10(tick), theme.format_number(tick)) for tick in numbers]
