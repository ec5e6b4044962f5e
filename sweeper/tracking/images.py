"""Draws class matrices of a confirmed model as PNG: rows are the true classes, columns the predicted or weighted ones.

The colors go from light to dark in one hue, which also works for the color-blind and in print. Squares show their
value as long as there is room for it.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

_SQUARE, _MARGIN = 0.42, 2.2  # inches: of a class, and beside all of them
_MAX_CLASSES_WITH_VALUES = 32
_MAX_NAME = 24  # characters of a class's name


def draw_confusion_matrix(
    labels: Sequence[str], true: NDArray[np.int64], predicted: NDArray[np.int64], split: str
) -> bytes:
    """Draw how often each true class was predicted as each class: counts, shaded by their share of the row.

    `true` and `predicted` are class numbers (N,) of the texts of a split.
    """
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    accuracy = np.trace(counts) / max(len(true), 1)
    texts = [[str(count) if count else "" for count in row] for row in counts]
    title = f"{split}: {accuracy:.1%} of {len(true):,} texts right"
    return _draw_matrix(labels, shares, texts, title, "predicted class", "share of the true class's texts")


def draw_class_weights(labels: Sequence[str], matrix: NDArray[np.float64]) -> bytes:
    """Draw the mean weights (C, C) that LCL's weighting network gives classes (columns) for texts of each true class.

    A class without texts has a row of NaN, which stays blank.
    """
    texts = [[f"{weight:.2f}".lstrip("0") if weight >= 0.005 else "" for weight in row] for row in matrix]
    return _draw_matrix(labels, matrix, texts, "what LCL learned between classes", "weighted class", "mean weight")


def _draw_matrix(
    labels: Sequence[str], values: NDArray[np.float64], texts: Sequence[Sequence[str]],
    title: str, column_title: str, color_title: str,
) -> bytes:  # fmt: skip
    size = _MARGIN + _SQUARE * len(labels)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=column_title, ylabel="true class")
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=1)
    names = [label if len(label) <= _MAX_NAME else f"{label[: _MAX_NAME - 1]}…" for label in labels]
    axes.set_xticks(range(len(labels)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(labels)), names, fontsize=8)
    figure.colorbar(image, ax=axes, label=color_title, shrink=0.8)
    if len(labels) <= _MAX_CLASSES_WITH_VALUES:
        _write_values(axes, values, texts)
    return _to_png(figure)


def _write_values(axes: Any, values: NDArray[np.float64], texts: Sequence[Sequence[str]]) -> None:
    """Write the values into the squares, in white where a square is dark."""
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            color = "white" if values[row, column] > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=color)


def _to_png(figure: Figure) -> bytes:
    """Return the figure as PNG without metadata, so that the same figure has the same bytes."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
