"""Plots of single trials over time: learning curves and the timeline of workers."""

from collections.abc import Sequence

import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import LearningCurve, LearningCurvesFigure, TimelineBar, TimelineFigure
from sweeper.reporting.plots import theme


def plot_curves(data: LearningCurvesFigure) -> go.Figure:
    """Plot a line for each trial, colored by its outcome, with the outcome's symbol at its end."""
    figure = theme.empty_figure(360, data.title, legend_traceorder="reversed")
    for rung in data.rungs:
        figure.add_vline(x=rung, line={"color": theme.GREY, "width": 1, "dash": "dot"})
    for outcome, style in reversed(list(theme.OUTCOME_STYLES.items())):
        searched = [curve for curve in data.curves if curve.outcome == outcome and not curve.is_confirmation]
        _add_curves(figure, searched, style, "solid")
    fresh_seeds = theme.OutcomeStyle("fresh seeds", theme.GREEN, "star")
    _add_curves(figure, [curve for curve in data.curves if curve.is_confirmation], fresh_seeds, "dot")
    longest = max((curve.epochs[-1] for curve in data.curves), default=1)
    figure.update_xaxes(title="epoch", dtick=1 if longest <= theme.MAX_UNIT_TICKS else None)
    figure.update_yaxes(title=theme.format_text(data.metric))
    return figure


def _add_curves(figure: go.Figure, curves: Sequence[LearningCurve], style: theme.OutcomeStyle, dash: str) -> None:
    """Add all these curves as one trace, with a gap after each curve."""
    points = [
        (epoch, score, curve.trial, 9 if epoch == curve.epochs[-1] else 0)
        for curve in curves
        for epoch, score in [*zip(curve.epochs, curve.scores, strict=True), (None, None)]
    ]
    if points:
        epochs, scores, trials, sizes = zip(*points, strict=True)
        figure.add_scatter(
            x=epochs, y=scores, customdata=trials, mode="lines+markers", connectgaps=False, name=style.label,
            line={"color": style.color, "width": 1.6, "dash": dash},
            marker={"symbol": style.symbol, "size": sizes, "opacity": 1, "line": {"width": 0}},
            hovertemplate="trial %{customdata}, epoch %{x}: %{y:.4f}",
        )  # fmt: skip


def plot_timeline(data: TimelineFigure) -> go.Figure:
    """Plot a bar for each trial in the row of its worker; the axis is in minutes if the sweep took under 2 hours."""
    rows = 1 + max((bar.worker for bar in data.bars), default=0)
    hours = max((bar.end for bar in data.bars), default=0.0)
    unit, per_hour = ("hours", 1.0) if hours >= 2 else ("minutes", 60.0)
    figure = theme.empty_figure(130 + 34 * rows, barmode="overlay", legend_entrywidth=theme.OUTCOME_WIDTH)
    figure.update_layout(uniformtext={"minsize": 9, "mode": "hide"})
    for outcome, style in theme.OUTCOME_STYLES.items():
        bars = [bar for bar in data.bars if bar.outcome == outcome]
        if bars:
            _add_bars(figure, bars, style, per_hour)
    for moment, pause in data.pauses:
        figure.add_vline(x=per_hour * moment, line={"color": theme.GREY, "dash": "dash"})
        if pause == max(length for _, length in data.pauses):  # on a narrow page, there is room for one label
            side = "left" if moment < hours / 2 else "right"
            position = {"x": per_hour * moment, "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": side}
            figure.add_annotation(text=f"{_format_pause(pause)} pause", showarrow=False, **position)
    figure.update_xaxes(title=f"{unit} since the sweep began", rangemode="tozero")
    figure.update_yaxes(title="worker", autorange="reversed", dtick=1)
    return figure


def _add_bars(figure: go.Figure, bars: Sequence[TimelineBar], style: theme.OutcomeStyle, per_hour: float) -> None:
    """Add the bars of one outcome; hatched after a lost worker, dotted for confirmation."""
    figure.add_bar(
        base=[per_hour * bar.start for bar in bars], x=[per_hour * (bar.end - bar.start) for bar in bars],
        y=[bar.worker + 1 for bar in bars], orientation="h", name=style.label, width=0.8,
        marker={
            "color": style.color, "line": {"width": 1, "color": theme.GREY},
            "pattern": {
                "shape": ["/" if bar.attempts > 1 else "." if bar.is_confirmation else "" for bar in bars],
                "fillmode": "overlay", "size": 6, "solidity": 0.25,
            },
        },
        text=[str(bar.trial) for bar in bars], textposition="inside", insidetextanchor="middle", textangle=0,
        customdata=[[theme.format_text(bar.system), bar.attempts] for bar in bars],
        hovertemplate="trial %{text}, %{customdata[0]}<br>attempts: %{customdata[1]}",
    )  # fmt: skip


def _format_pause(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.3g} h"
    return f"{60 * hours:.3g} min" if hours >= 1 / 60 else f"{3600 * hours:.3g} s"
