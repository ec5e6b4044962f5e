"""plotly: parallel coordinates. Every trial is a line, also one that has no score, or to which a knob did not apply."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import Parallel, ParallelAxis
from sweeper.reporting.plots import theme
from sweeper.training.config import Scalar

_BELOW = 0.12  # of an axis: how far below it those meet that have no value on it
_FIGURES = 5  # along an axis


def parallel(figure: Parallel) -> go.Figure:
    """A line for each trial, coloured by its score."""
    known = [score for score in figure.scores if score is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    worst = low if figure.more else high
    drawn = theme.empty_figure(430, margin={"l": _room(figure), "r": 56, "t": 64, "b": 16})
    drawn.add_parcoords(
        dimensions=[_dimension(axis) for axis in (*figure.axes, ParallelAxis(figure.metric, figure.scores))],
        line={
            "color": [worst if score is None else score for score in figure.scores],
            "colorscale": theme.colorscale(theme.SCORES, more=figure.more), "cmin": low, "cmax": high,
        },
        labelangle=-15, labelside="top", unselected={"line": {"opacity": 0.05}},
    )  # fmt: skip
    return drawn


def _room(figure: Parallel) -> int:
    """Pixels for what stands to the left of the first axis."""
    first = figure.axes[0].listed if figure.axes else None
    return min(220, 20 + 6 * max((len(theme.short(value)) for value in first or ()), default=6))


def _dimension(axis: ParallelAxis) -> dict[str, Any]:
    places, ticks = _listed(axis, axis.listed) if axis.listed is not None else _ranged(axis)
    every = [*(place for place in places if place is not None), *(place for place, _ in ticks)]
    low, high = min(every, default=0.0), max(every, default=1.0)
    absent = low - _BELOW * ((high - low) or 1)
    if None in places:
        ticks, low = [(absent, "none"), *ticks], absent
    return {
        "label": theme.escape_text(axis.name),
        "values": [absent if place is None else place for place in places],
        "range": [low, high if high > low else low + 1],
        "tickvals": [place for place, _ in ticks],
        "ticktext": [theme.escape_text(words) for _, words in ticks],
    }


Places = list[float | None]
Ticks = list[tuple[float, str]]


def _listed(axis: ParallelAxis, listed: Sequence[Scalar]) -> tuple[Places, Ticks]:
    at = {value: float(place) for place, value in enumerate(listed)}
    places = [None if value is None else at[value] for value in axis.values]
    return places, [(place, theme.short(value)) for value, place in at.items()]


def _ranged(axis: ParallelAxis) -> tuple[Places, Ticks]:
    known = [float(value) for value in axis.values if value is not None]
    low, high = axis.range or (min(known, default=0.0), max(known, default=1.0))
    if not axis.log:
        ticks = [(float(at), theme.format_number(float(at))) for at in np.linspace(low, high, _FIGURES)]
        return [None if value is None else float(value) for value in axis.values], ticks
    places = [None if value is None else math.log10(float(value)) for value in axis.values]
    return places, [(math.log10(value), theme.format_number(value)) for value in theme.log_ticks(low, high)]
