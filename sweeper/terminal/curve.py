"""Draws the validations of a trial as a curve of characters, with an axis and the rungs of early stopping."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.wording import format_epoch

_POINT, _NOT_FINITE, _RUNG = "●", "×", "▲"
_HEIGHT = 8  # rows
_MIN_WIDTH, _MAX_WIDTH = 12, 60  # columns of the drawing itself


@dataclass(frozen=True)
class Axes:
    """The frame of a curve: the range of the values, the planned validations, those of an epoch, and the rungs."""

    low: float
    high: float
    validations: int
    per_epoch: int = 1
    rungs: tuple[int, ...] = ()


def draw_curve(values: Sequence[float], axes: Axes, width: int) -> list[str]:
    """Return the lines of a drawing at most `width` columns wide. `values` has one for each validation so far."""
    labels = [f"{axes.low + (axes.high - axes.low) * (1 - row / (_HEIGHT - 1)):.4f}" for row in range(_HEIGHT)]
    margin = max(map(len, labels))
    columns = min(_MAX_WIDTH, max(_MIN_WIDTH, 4 * axes.validations), max(_MIN_WIDTH, width - margin - 3))
    grid = [[" "] * columns for _ in range(_HEIGHT)]
    for step, value in enumerate(values, start=1):
        grid[_row(value, axes)][_column(step, axes, columns)] = _POINT if math.isfinite(value) else _NOT_FINITE
    # Of equal labels, the last one is shown, where a flat curve lies.
    labelled_rows = {labels[row]: row for row in (0, _HEIGHT // 2, _HEIGHT - 1)}.values()
    lines = []
    for row, cells in enumerate(grid):
        label, tick = (labels[row], "┤") if row in labelled_rows else ("", "│")
        lines.append(f"{label:>{margin}} {tick}{''.join(cells)}".rstrip())
    return [*lines, f"{'':>{margin}} └{'─' * columns}", *(f"{'':>{margin}}  {line}" for line in _feet(axes, columns))]


def _row(value: float, axes: Axes) -> int:
    if not math.isfinite(value) or axes.high <= axes.low:
        return _HEIGHT - 1
    share = (min(max(value, axes.low), axes.high) - axes.low) / (axes.high - axes.low)
    return round((1 - share) * (_HEIGHT - 1))


def _column(step: int, axes: Axes, columns: int) -> int:
    return round((step - 1) / max(1, axes.validations - 1) * (columns - 1))


def _feet(axes: Axes, columns: int) -> list[str]:
    """Return the lines below the axis: the first and the last epoch, and the rungs if there are any."""
    first, last = format_epoch(1 / axes.per_epoch), format_epoch(axes.validations / axes.per_epoch)
    lines = [f"{first}{' epoch':<{max(6, columns - len(first) - len(last))}}{last}" if axes.validations > 1 else first]
    if axes.rungs:
        marks = [" "] * columns
        for rung in axes.rungs:
            marks[_column(rung, axes, columns)] = _RUNG
        lines += ["".join(marks).rstrip(), f"{_RUNG} early stopping decides here"]
    return lines
