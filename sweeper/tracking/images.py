"""Pictures of what a confirmed model does between classes, as PNG: rows are the true classes, columns the others.

One hue from light to dark reads the same to the colour-blind and in print; the figures stand in the squares as long as
they can be read there.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

_SQUARE, _MARGIN = 0.42, 2.2  # inches: of a class, and beside all of them
_MOST_FIGURES = 32  # classes whose squares have room for a figure
_LONGEST = 24  # characters of a class's name


def draw_confusion_matrix(
    labels: Sequence[str], true: NDArray[np.int64], predicted: NDArray[np.int64], split: str
) -> bytes:
    """How often each true class was taken for each class: counts, shaded by their share of the row.

    `true` and `predicted` are class numbers (N,) of the texts of a split.
    """
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.trace(counts) / max(len(true), 1)
    texts = [[str(count) if count else "" for count in row] for row in counts]
    title = f"{split}: {right:.1%} of {len(true):,} texts right"
    return _drawn(labels, shares, texts, title, "predicted class", "share of the true class's texts")


def draw_class_weights(labels: Sequence[str], matrix: NDArray[np.float64]) -> bytes:
    """The mean weight that LCL's weighting network gives each class (columns) for texts of each true class (rows).

    A class without texts has a row of NaN, which stays blank.
    """
    texts = [[f"{weight:.2f}".lstrip("0") if weight >= 0.005 else "" for weight in row] for row in matrix]
    return _drawn(labels, matrix, texts, "what LCL learned between classes", "weighted class", "mean weight")


def _drawn(
    labels: Sequence[str], values: NDArray[np.float64], texts: Sequence[Sequence[str]],
    title: str, columns: str, scale: str,
) -> bytes:  # fmt: skip
    size = _MARGIN + _SQUARE * len(labels)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=columns, ylabel="true class")
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=1)
    names = [label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…" for label in labels]
    axes.set_xticks(range(len(labels)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(labels)), names, fontsize=8)
    figure.colorbar(image, ax=axes, label=scale, shrink=0.8)
    if len(labels) <= _MOST_FIGURES:
        _figures(axes, values, texts)
    return _png(figure)


def _figures(axes: Any, values: NDArray[np.float64], texts: Sequence[Sequence[str]]) -> None:
    """Write the figures into the squares, light where these are dark."""
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            colour = "white" if values[row, column] > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)


def _png(figure: Figure) -> bytes:
    """The same bytes each time."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
