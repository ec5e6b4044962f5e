"""Draws class matrices of a confirmed model as PNG: rows are the true classes, columns the predicted or weighted ones.

The colors go from light to dark in one hue, which also works for the color-blind and in print. Squares show their
value, and classes their name, as long as there is room for it. A picture is at most 2,720 pixels wide and 2,620 high.
"""

import io
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sweeper.wording import shorten_middle, show_controls

_MARGIN = 2.2  # inches beside all squares
_SQUARE, _MAX_SQUARES = 0.42, 24.0  # inches: of a class, and of all classes together; an inch has 100 pixels
_NAME_HEIGHT = 0.36  # inches between two names at least
_MAX_CLASSES_WITH_VALUES = 32
_MAX_NAME = 24  # characters of a class's name


def draw_confusion_matrix(
    labels: Sequence[str], true: NDArray[np.int64], predicted: NDArray[np.int64], split: str
) -> bytes:
    """Draw how often each true class was predicted as each class: counts, shaded by their share of the row.

    `true` and `predicted` are class numbers (N,) of the texts of a split. The row of a class without texts stays blank.
    """
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)  # (C, C)
    np.add.at(counts, (true, predicted), 1)
    texts = counts.sum(axis=1, keepdims=True)  # (C, 1)
    shares = np.where(texts > 0, counts / np.maximum(texts, 1), np.nan)
    accuracy = np.trace(counts) / max(len(true), 1)
    title = f"{split}: {accuracy:.1%} of {len(true):,} texts right"

    def format_count(row: int, column: int) -> str:
        return str(counts[row, column] or "")

    return _draw_matrix(labels, shares, format_count, title, "predicted class", "share of the true class's texts")


def draw_class_weights(labels: Sequence[str], matrix: NDArray[np.float64]) -> bytes:
    """Draw the mean weights (C, C) that LCL's weighting network gives classes (columns) for texts of each true class.

    A class without texts has a row of NaN, which stays blank.
    """

    def format_weight(row: int, column: int) -> str:
        return f"{matrix[row, column]:.2f}".lstrip("0") if matrix[row, column] >= 0.005 else ""

    return _draw_matrix(
        labels, matrix, format_weight, "what LCL learned between classes", "weighted class", "mean weight"
    )


def _draw_matrix(
    labels: Sequence[str], values: NDArray[np.float64], format_square: Callable[[int, int], str],
    title: str, column_title: str, color_title: str,
) -> bytes:  # fmt: skip
    squares = min(_SQUARE * len(labels), _MAX_SQUARES)
    figure = Figure(figsize=(_MARGIN + squares + 1, _MARGIN + squares), dpi=100, layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=column_title, ylabel="true class")
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    named = range(0, len(labels), math.ceil(_NAME_HEIGHT * len(labels) / squares))
    names = [shorten_middle(show_controls(labels[k]), _MAX_NAME) for k in named]
    style: dict[str, Any] = {"fontsize": 8, "parse_math": False}  # a name such as $5_$6 is no formula
    axes.set_xticks(named, names, rotation=45, ha="right", rotation_mode="anchor", **style)
    axes.set_yticks(named, names, **style)
    figure.colorbar(image, ax=axes, label=color_title, shrink=0.8)
    if len(labels) <= _MAX_CLASSES_WITH_VALUES:
        _write_values(axes, values, format_square)
    return _to_png(figure)


def _write_values(axes: Any, values: NDArray[np.float64], format_square: Callable[[int, int], str]) -> None:
    """Write the values into the squares, in white where a square is dark."""
    for row, column in np.ndindex(values.shape):
        color = "white" if values[row, column] > 0.5 else "black"
        text = format_square(row, column)
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=color)


def _to_png(figure: Figure) -> bytes:
    """Return the figure as PNG without metadata, so that the same figure has the same bytes.

    A font without the letters of a name draws boxes, of which matplotlib warns.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
