"""The plot of a model's calibration."""

import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import CalibrationFigure
from sweeper.reporting.plots import theme


def plot_calibration(data: CalibrationFigure) -> go.Figure:
    """Plot how often the model is right against how sure it is; the size of a marker is the share of its texts."""
    figure = theme.empty_figure(380, data.title)
    ends = {"x": [0, 1], "y": [0, 1], "mode": "lines", "line": {"color": theme.GREY, "dash": "dash", "width": 1}}
    figure.add_scatter(**ends, name="as sure as right", hoverinfo="skip")
    total = max(sum(group.texts for group in data.bins), 1)
    figure.add_scatter(
        x=[group.confidence for group in data.bins], y=[group.accuracy for group in data.bins],
        customdata=[group.texts for group in data.bins], mode="lines+markers", name="the model",
        marker={"color": theme.BLUE, "size": [6 + 24 * (group.texts / total) ** 0.5 for group in data.bins]},
        line={"color": theme.BLUE, "width": 1.5},
        hovertemplate="%{x:.0%} sure, %{y:.0%} right, %{customdata} predictions<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="mean probability of the predicted class", range=[0, 1.05], tickformat=".0%")
    figure.update_yaxes(title="share that is right", range=[0, 1.05], tickformat=".0%")
    return figure
