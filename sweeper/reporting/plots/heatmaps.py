"""Heat maps of classes against classes, with the true class in the row. A value that is missing is left blank."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import ClassWeightsFigure, ConfusionFigure
from sweeper.reporting.plots import theme

_MAX_NAME = 24  # characters of a class's name
_MAX_ROWS = 120  # more classes share the height of so many, and not every one is named
_MAX_LABELED = 12  # up to so many classes, the numbers fit into the squares


def plot_confusion(data: ConfusionFigure) -> go.Figure:
    """Plot the share of each true class (row) that was taken for each class (column)."""
    texts = data.counts.sum(axis=1, keepdims=True)  # (C, 1)
    shares = np.where(texts > 0, data.counts / np.maximum(texts, 1), np.nan)  # (C, C)
    figure = _plot_matrix(data.title, data.labels, shares, ".0%")
    figure.update_traces(customdata=data.counts, hovertemplate="%{y} taken for %{x}: %{z:.1%} (%{customdata})")
    return figure.update_xaxes(title="taken for")


def plot_class_weights(data: ClassWeightsFigure) -> go.Figure:
    """Plot the mean weight of each class (column) for texts of each true class (row)."""
    figure = _plot_matrix(data.title, data.labels, data.weights, ".2f")
    figure.update_traces(hovertemplate="%{y}: %{z:.3f} for %{x}")
    return figure.update_xaxes(title="weight for")


def _plot_matrix(title: str, labels: Sequence[str], values: Any, number_format: str) -> go.Figure:
    """Plot values (C, C); the squares contain numbers where these fit."""
    names = theme.cut_names(labels, _MAX_NAME)
    below = max(map(theme.text_width, names), default=0)  # pixels for the labels below the squares
    figure = theme.empty_figure(130 + below + 27 * min(max(len(labels), 5), _MAX_ROWS), title)
    texts, has_numbers = [theme.format_text(name) for name in names], len(labels) <= _MAX_LABELED
    figure.add_heatmap(
        x=texts, y=texts, z=values, colorscale=theme.SHARES, zmin=0, hoverongaps=False, xgap=1, ygap=1, name="",
        texttemplate=f"%{{z:{number_format}}}" if has_numbers else None,
        colorbar=theme.colorbar("", tickformat=number_format),
    )  # fmt: skip
    named = texts[:: -(-len(labels) // _MAX_ROWS) or 1]
    ticks = {"type": "category", "tickvals": named, "ticktext": named, "showgrid": False}
    classes = {"names": named, "margin": 150 + max(map(theme.text_width, names), default=0)}
    figure.update_layout(meta={"classes": classes})  # a narrow page names fewer of them: see draw.js
    figure.update_xaxes(**ticks, tickangle=-50 if has_numbers else -90, showline=False)
    return figure.update_yaxes(title={"text": "true class", "standoff": 12}, autorange="reversed", **ticks)
