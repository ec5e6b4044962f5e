"""Plots that sum up a search: optimism, hyperparameter importance, and the expected best score."""

from collections.abc import Sequence

import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import ExpectedBestFigure, ImportanceFigure, OptimismFigure
from sweeper.reporting.plots import theme


def plot_optimism(data: OptimismFigure) -> go.Figure:
    """Plot a row for each system: its score in the search, and each fresh seed on validation and on test."""
    figure, rows = theme.empty_figure(110 + 64 * len(data.rows)), list(enumerate(reversed(data.rows)))
    validation = [(row.validation, height) for height, row in rows]
    test = [(row.test, height - 0.2) for height, row in rows]
    _add_scores(figure, "fresh seeds, validation", "circle-open", theme.BLUE, validation)
    _add_scores(figure, "fresh seeds, test", "triangle-up-open", theme.ORANGE, test)
    _add_scores(figure, "score in the search", "diamond", theme.GREY, [([row.search], height) for height, row in rows])
    for height, row in rows:
        name = theme.format_text(row.system)
        figure.add_annotation(x=0, xref="paper", y=height + 0.34, text=name, showarrow=False, xanchor="left")
    figure.update_yaxes(visible=False, range=[-0.5, len(rows) - 0.4])
    figure.update_xaxes(title=theme.format_text(data.metric))
    return figure


def _add_scores(
    figure: go.Figure, name: str, symbol: str, color: str, rows: Sequence[tuple[Sequence[float], float]]
) -> None:
    """Add a marker for each score. `rows` are scores with their height in the plot."""
    points = [(score, height) for scores, height in rows for score in scores]
    if points:
        figure.add_scatter(
            x=[score for score, _ in points], y=[height for _, height in points], name=name, mode="markers",
            marker={"symbol": symbol, "color": color, "size": 10, "line": {"width": 2}}, hovertemplate="%{x:.4f}",
        )  # fmt: skip


def plot_importances(data: ImportanceFigure) -> go.Figure:
    """Plot a bar for each hyperparameter, and a mark at the largest share that chance gave it."""
    importances = list(reversed(data.importances))
    figure = theme.empty_figure(110 + 34 * len(importances), data.title)
    names = [theme.format_text(importance.hyperparameter) for importance in importances]
    shares = [importance.share for importance in importances]
    colors = [theme.BLUE if importance.share > importance.chance else theme.GREY for importance in importances]
    figure.add_bar(
        x=shares, y=names, orientation="h", name="share", showlegend=False,
        marker={"color": colors}, hovertemplate="%{x:.0%}",
    )  # fmt: skip
    figure.add_scatter(
        x=[min(importance.chance, 1.0) for importance in importances], y=names, mode="markers",
        name="the most by chance", hovertemplate="%{x:.0%}",
        marker={"symbol": "line-ns", "size": 18, "color": theme.RED, "line": {"width": 3, "color": theme.RED}},
    )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", range=[0, 1.04])
    return figure


def plot_expected_best(data: ExpectedBestFigure) -> go.Figure:
    """Plot the expected best score of each system against the number of trials."""
    figure = theme.empty_figure(340 + 20 * len(data.curves))  # a narrow page has a line of the legend for each system
    for k, curve in enumerate(data.curves):
        color = theme.SYSTEM_COLORS[k % len(theme.SYSTEM_COLORS)]
        dash = theme.DASHES[k // len(theme.SYSTEM_COLORS) % len(theme.DASHES)]
        figure.add_scatter(
            x=list(range(1, len(curve.best) + 1)), y=list(curve.best), name=theme.format_text(curve.system),
            mode="lines+markers", line={"color": color, "width": 2, "dash": dash},
            marker={"size": 4}, hovertemplate="%{x} trials: %{y:.4f}",
        )  # fmt: skip
    longest = max((len(curve.best) for curve in data.curves), default=1)
    figure.update_xaxes(title="trials", dtick=1 if longest <= theme.MAX_UNIT_TICKS else None)
    figure.update_yaxes(title=f"expected best {theme.format_text(data.metric)}")
    return figure
