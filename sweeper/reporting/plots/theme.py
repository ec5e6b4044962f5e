"""plotly: what all pictures of a report have in common.

Colours are those of Okabe and Ito, which the colour-blind tell apart, and an outcome has a sign of its own too. Grounds
are clear and text gets its colour from the page, so that a picture is readable by day and by night. Nothing has a fixed
width, and legends stand below.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import plotly.graph_objects as go

from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome
from sweeper.wording import format_value

BLUE, SKY, GREEN, ORANGE, RED = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"
PINK, YELLOW, GREY = "#CC79A7", "#F0E442", "#888888"
SYSTEM_COLOURS = (BLUE, ORANGE, GREEN, RED, SKY, PINK, GREY)
DASHES = ("solid", "dash", "dot", "dashdot")
SCORES = ((0.0, ORANGE), (0.5, "#999999"), (1.0, BLUE))  # both ends are seen on a light and on a dark ground
SHARES = ((0.0, "#f2f6fa"), (0.5, SKY), (1.0, "#003f66"))
COUNTED = 10  # epochs or trials that have a figure each on their axis
OUTCOME = 85  # pixels of an outcome's words in a legend


class OutcomeStyle(NamedTuple):
    """How an outcome is shown."""

    words: str
    colour: str
    sign: str


OUTCOME_STYLES: Mapping[Outcome | None, OutcomeStyle] = {
    Outcome.COMPLETED: OutcomeStyle("completed", BLUE, "circle"),
    Outcome.STOPPED_EARLY: OutcomeStyle("stopped early", SKY, "square"),
    Outcome.DIVERGED: OutcomeStyle("diverged", RED, "x"),
    Outcome.COLLAPSED: OutcomeStyle("collapsed", PINK, "triangle-down"),
    Outcome.OUT_OF_MEMORY: OutcomeStyle("out of memory", "#000000", "cross"),
    Outcome.FAILED: OutcomeStyle("failed", YELLOW, "diamond"),
    None: OutcomeStyle("not ended", GREY, "hourglass"),
}

_FAINT = "rgba(128, 128, 128, 0.25)"
_CLEAR = "rgba(0, 0, 0, 0)"
_AXIS = {
    "automargin": True,
    "gridcolor": _FAINT,
    "linecolor": _FAINT,
    "zeroline": False,
    "title": {"font": {"size": 12}},
}
_TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "margin": {"l": 8, "r": 12, "t": 36, "b": 8},
        "title": {"font": {"size": 14, "weight": 600}, "x": 0, "y": 1, "yanchor": "top", "pad": {"t": 10, "l": 4}},
        "xaxis": {**_AXIS, "showline": True},
        "yaxis": _AXIS,
        "legend": {
            "orientation": "h",
            "xref": "container",
            "yref": "container",
            "x": 0.01,
            "y": 0,
            "yanchor": "bottom",
            "itemsizing": "constant",
        },
        "modebar": {"bgcolor": _CLEAR, "color": GREY, "activecolor": BLUE},
        "hoverlabel": {"namelength": -1},
        "hovermode": "closest",
        "dragmode": False,
    }
)


def empty_figure(height: int, title: str = "", **layout: Any) -> go.Figure:
    """A picture with nothing in it yet, so many pixels high and as wide as there is room."""
    return go.Figure(layout={"template": _TEMPLATE, "height": height, "title": {"text": escape_text(title)}, **layout})


def colorbar(title: str, **more: Any) -> dict[str, Any]:
    """A scale of colours beside a picture."""
    return {"title": {"text": title, "side": "right"}, "thickness": 10, "outlinewidth": 0, **more}


def colorscale(colours: Sequence[tuple[float, str]], *, more: bool = True) -> list[tuple[float, str]]:
    """Colours from low to high; the other way round where less is better."""
    return list(colours) if more else [(1 - place, colour) for place, colour in reversed(colours)]


def short(value: Scalar) -> str:
    """A value in few characters."""
    return format_number(value) if isinstance(value, float) else format_value(value).rpartition("/")[2]


def format_number(value: float) -> str:
    """Three digits of a number: 0.05, 1000, 2e-05."""
    return f"{float(f'{value:.3g}'):g}"


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """The ends of a logarithmic range, and round numbers between them, not many more than `most`."""
    round_ones = [float(f"{digit}e{power}") for power in range(-12, 13) for digit in (1, 2, 5)]
    between = [value for value in round_ones if low * 1.3 < value < high / 1.3]
    return [low, *between[:: 1 + len(between) // most], high]


def escape_text(words: str) -> str:
    """Words as plotly shows them as they are: it takes some markup in a text for its own."""
    return escape(words, quote=False)
