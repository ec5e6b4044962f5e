"""Draw any figure of a report: `PLOTS` has the function for each type of figure."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly

from sweeper.reporting.html import figure_data
from sweeper.reporting.plots.alpha_tau import plot_alpha_tau
from sweeper.reporting.plots.calibration import plot_calibration
from sweeper.reporting.plots.curves import plot_curves, plot_timeline
from sweeper.reporting.plots.heatmaps import plot_class_weights, plot_confusion
from sweeper.reporting.plots.hyperparameters import plot_pair, plot_slice
from sweeper.reporting.plots.parallel_coordinates import plot_parallel
from sweeper.reporting.plots.search_summary import plot_expected_best, plot_importances, plot_optimism
from sweeper.reporting.templates.environment import Html, read_text, render

PLOTS: Mapping[type[figure_data.Figure], Callable[[Any], go.Figure]] = {
    figure_data.SliceFigure: plot_slice,
    figure_data.PairFigure: plot_pair,
    figure_data.CalibrationFigure: plot_calibration,
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
    "displaylogo": False,
    "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d"]],
    "typesetMath": False,
}


def page_scripts() -> str:
    """Return the elements that a page needs once, in its head: plotly.js, packed, and the script that draws figures.

    It is plotly.js's bundle of flat plots with the MIT license beside it: packed, an eighth of the whole library. The
    browser unpacks it.
    """
    packed = b64encode((Path(__file__).parent / "plotly-cartesian.min.js.gz").read_bytes()).decode()
    return str(render("scripts.html", library=Html(packed), script=Html(read_text("tables.js") + read_text("draw.js"))))


def figure_html(data: figure_data.Figure, element_id: str) -> str:
    """Return an element for a figure, with the id `element_id`, and the figure's content, which a script draws."""
    figure = draw(data)
    content = to_json_plotly({**figure.to_plotly_json(), "config": _CONFIG})  # escapes <, > and /
    return str(render("plot.html", name=element_id, height=figure.layout.height, content=Html(content)))


def draw(data: figure_data.Figure) -> go.Figure:
    """Return the plotly figure of some figure data. Raises TypeError for any other value."""
    plot = PLOTS.get(type(data))
    if plot is None:
        raise TypeError(f"no plot for {type(data).__name__}")
    return plot(data)
