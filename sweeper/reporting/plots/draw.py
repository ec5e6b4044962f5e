"""Draw any figure of a report: `PLOTS` has the function for each type of figure."""

from collections.abc import Callable, Mapping
from typing import Any

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly
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
    "displaylogo": False,
    "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d"]],
    "typesetMath": False,
}

# Draws the figures once the whole page is laid out, and again whenever one of them gets another width. A print does not
# wait for observers, so the figures get the width of the printed page just before it, and lose it just after. A figure
# that is larger than a printed page is made smaller, its names too.
_DRAW_SCRIPT = """
addEventListener("DOMContentLoaded", () => {
  const plots = [...document.querySelectorAll(".plot")];
  const resize = entry => Plotly.Plots.resize(entry.target).catch(() => {});  // fails for a plot that is not displayed
  const resizer = new ResizeObserver(entries => entries.forEach(resize));
  for (const plot of plots) {
    const {data, layout, config} = JSON.parse(plot.nextElementSibling.textContent);
    Plotly.newPlot(plot, data, layout, config).then(() => resizer.observe(plot));
  }
  addEventListener("beforeprint", () => {
    document.body.classList.add("printed");
    for (const plot of plots) {
      plot.parentElement.style.zoom = Math.min(1, 900 / plot.clientWidth, 1050 / plot.clientHeight);
      Plotly.relayout(plot, {width: plot.clientWidth});
    }
  });
  addEventListener("afterprint", () => {
    document.body.classList.remove("printed");
    for (const plot of plots) {
      plot.parentElement.style.zoom = 1;
      Plotly.relayout(plot, {width: null, autosize: true});
    }
  });
});
"""


def plotly_js() -> str:
    """Return the source of plotly.js, and a script that draws the figures. A page needs it once, in its head."""
    return str(get_plotlyjs()) + _DRAW_SCRIPT


def figure_html(data: figure_data.Figure, element_id: str) -> str:
    """Return an element for a figure, with the id `element_id`, and the figure's content, which `plotly_js` draws."""
    figure = draw(data)
    config = {**_CONFIG, "displayModeBar": False} if isinstance(data, figure_data.ParallelFigure) else _CONFIG
    content = to_json_plotly({**figure.to_plotly_json(), "config": config})  # escapes <, > and /
    place = f'<div class="plot" id="{element_id}" style="height: {figure.layout.height}px"></div>'
    return f'{place}<script type="application/json">{content}</script>'


def draw(data: figure_data.Figure) -> go.Figure:
    """Return the plotly figure of some figure data. Raises TypeError for any other value."""
    plot = PLOTS.get(type(data))
    if plot is None:
        raise TypeError(f"no plot for {type(data).__name__}")
    return plot(data)
