"""plotly: how trials went, on their own and beside each other."""

from collections.abc import Sequence

import plotly.graph_objects as go

from sweeper.reporting.html.figure_data import Curve, Curves, Timeline, TimelineBar
from sweeper.reporting.plots import theme


def curves(figure: Curves) -> go.Figure:
    """A line for each trial, by how it ended, with a sign at its end."""
    drawn = theme.empty_figure(360, figure.title, legend_traceorder="reversed")
    for rung in figure.rungs:
        drawn.add_vline(x=rung, line={"color": theme.GREY, "width": 1, "dash": "dot"})
    for outcome, look in reversed(list(theme.OUTCOME_STYLES.items())):
        _add_curves(drawn, [one for one in figure.curves if one.outcome == outcome and not one.confirms], look, "solid")
    fresh = theme.OutcomeStyle("fresh seeds", theme.GREEN, "star")
    _add_curves(drawn, [one for one in figure.curves if one.confirms], fresh, "dot")
    longest = max((one.epochs[-1] for one in figure.curves), default=1)
    drawn.update_xaxes(title="epoch", dtick=1 if longest <= theme.COUNTED else None)
    drawn.update_yaxes(title=figure.metric)
    return drawn


def _add_curves(drawn: go.Figure, lines: Sequence[Curve], look: theme.OutcomeStyle, dash: str) -> None:
    """All these curves at once, with a gap after each."""
    rows = [
        (epoch, score, curve.trial, 9 if epoch == curve.epochs[-1] else 0)
        for curve in lines
        for epoch, score in [*zip(curve.epochs, curve.scores, strict=True), (None, None)]
    ]
    if rows:
        epochs, scores, trials, sizes = zip(*rows, strict=True)
        drawn.add_scatter(
            x=epochs, y=scores, customdata=trials, mode="lines+markers", connectgaps=False, name=look.words,
            line={"color": look.colour, "width": 1.6, "dash": dash},
            marker={"symbol": look.sign, "size": sizes, "opacity": 1, "line": {"width": 0}},
            hovertemplate="trial %{customdata}, epoch %{x}: %{y:.4f}",
        )  # fmt: skip


def timeline(figure: Timeline) -> go.Figure:
    """A bar for each trial on the row of its worker."""
    rows = 1 + max((one.slot for one in figure.bars), default=0)
    longest = max((one.end for one in figure.bars), default=0.0)
    unit, times = ("hours", 1.0) if longest >= 2 else ("minutes", 60.0)
    drawn = theme.empty_figure(130 + 34 * rows, barmode="overlay", legend_entrywidth=theme.OUTCOME)
    drawn.update_layout(uniformtext={"minsize": 9, "mode": "hide"})
    for outcome, look in theme.OUTCOME_STYLES.items():
        bars = [one for one in figure.bars if one.outcome == outcome]
        if bars:
            _add_bars(drawn, bars, look, times)
    for at, hours in figure.pauses:
        drawn.add_vline(x=times * at, line={"color": theme.GREY, "dash": "dash"})
        place = {"x": times * at, "y": 1, "yref": "paper", "yanchor": "bottom"}
        drawn.add_annotation(text=f"{hours:.3g} h pause", showarrow=False, **place)
    drawn.update_xaxes(title=f"{unit} since the sweep began", rangemode="tozero")
    drawn.update_yaxes(title="worker", autorange="reversed", dtick=1)
    return drawn


def _add_bars(drawn: go.Figure, bars: Sequence[TimelineBar], look: theme.OutcomeStyle, times: float) -> None:
    drawn.add_bar(
        base=[times * one.begin for one in bars], x=[times * (one.end - one.begin) for one in bars],
        y=[one.slot + 1 for one in bars], orientation="h", name=look.words, width=0.8,
        marker={
            "color": look.colour, "line": {"width": 1, "color": theme.GREY},
            "pattern": {
                "shape": ["/" if one.attempts > 1 else "." if one.confirms else "" for one in bars],
                "fillmode": "overlay", "size": 6, "solidity": 0.25,
            },
        },
        text=[str(one.trial) for one in bars], textposition="inside", insidetextanchor="middle", textangle=0,
        customdata=[[theme.escape_text(one.system), one.attempts] for one in bars],
        hovertemplate="trial %{text}, %{customdata[0]}<br>attempts: %{customdata[1]}",
    )  # fmt: skip
