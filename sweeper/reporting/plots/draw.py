"""Draw any figure of a report: `PLOTS` has the function for each type of figure."""

from collections.abc import Callable, Mapping
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from sweeper.reporting.html import figure_data
from sweeper.reporting.plots.alpha_tau import plot_alpha_tau
from sweeper.reporting.plots.curves import plot_curves, plot_timeline
from sweeper.reporting.plots.heatmaps import plot_class_weights, plot_confusion
from sweeper.reporting.plots.parallel_coordinates import plot_parallel
from sweeper.reporting.plots.search_summary import plot_expected_best, plot_importances, plot_optimism

PLOTS: Mapping[type[figure_data.Figure], Callable[[Any], go.Figure]] = {
    figure_data.OptimismFigure: plot_optimism,
    figure_data.ParallelFigure: plot_parallel,
    figure_data.ImportanceFigure: plot_importances,
    figure_data.AlphaTauFigure: plot_alpha_tau,
    figure_data.LearningCurvesFigure: plot_curves,
    figure_data.TimelineFigure: plot_timeline,
    figure_data.ExpectedBestFigure: plot_expected_best,
    figure_data.ConfusionFigure: plot_confusion,
    figure_data.ClassWeightsFigure: plot_class_weights,
}

_CONFIG = {  # lists the buttons, because one of plotly's defaults sends the figure to plotly's server
    "responsive": True,
    "displaylogo": False,
    "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d"]],
}


def plotly_js() -> str:
    """Return the source of plotly.js. A page needs it once for all its figures."""
    return str(get_plotlyjs())


def figure_html(data: figure_data.Figure, element_id: str) -> str:
    """Return a figure as HTML for a page that contains plotly.js; `element_id` is the id of its element."""
    config = {**_CONFIG, "displayModeBar": False} if isinstance(data, figure_data.ParallelFigure) else _CONFIG
    return str(draw(data).to_html(full_html=False, include_plotlyjs=False, config=config, div_id=element_id))


def draw(data: figure_data.Figure) -> go.Figure:
    """Return the plotly figure of some figure data. Raises TypeError for any other value."""
    plot = PLOTS.get(type(data))
    if plot is None:
        raise TypeError(f"no plot for {type(data).__name__}")
    return plot(data)
