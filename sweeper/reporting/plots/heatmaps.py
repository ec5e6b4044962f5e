"""plotly: classes against classes, the true one in the row. What has no value is blank."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import ClassWeightsFigure, ConfusionFigure
from sweeper.reporting.plots import theme

_MOST_NAMED = 12  # classes whose figures still have room in their squares


def confusion(figure: ConfusionFigure) -> go.Figure:
    """The share of each true class that was taken for each class."""
    shares = figure.counts / np.maximum(figure.counts.sum(axis=1, keepdims=True), 1)
    drawn = _matrix(figure.title, figure.labels, shares, ".0%")
    drawn.update_traces(customdata=figure.counts, hovertemplate="%{y} taken for %{x}: %{z:.1%} (%{customdata})")
    return drawn.update_xaxes(title="taken for")


def weights(figure: ClassWeightsFigure) -> go.Figure:
    """The mean weight of each class, by the true class."""
    drawn = _matrix(figure.title, figure.labels, figure.weights, ".2f")
    drawn.update_traces(hovertemplate="%{y}: %{z:.3f} for %{x}")
    return drawn.update_xaxes(title="weight for")


def _matrix(title: str, labels: Sequence[str], values: Any, form: str) -> go.Figure:
    """Classes against classes; the figures stand in the squares where they have room."""
    drawn, places = theme.empty_figure(160 + 27 * max(len(labels), 5), title), list(range(len(labels)))
    drawn.add_heatmap(
        x=places, y=places, z=values, colorscale=theme.SHARES, zmin=0, hoverongaps=False, xgap=1, ygap=1, name="",
        texttemplate=f"%{{z:{form}}}" if len(labels) <= _MOST_NAMED else None, colorbar=theme.colorbar("", tickformat=form),
    )  # fmt: skip
    names = {"tickvals": places, "ticktext": [theme.escape_text(label) for label in labels], "showgrid": False}
    drawn.update_xaxes(**names, tickangle=-50 if len(labels) <= _MOST_NAMED else -90, showline=False)
    return drawn.update_yaxes(title={"text": "true class", "standoff": 12}, autorange="reversed", **names)
