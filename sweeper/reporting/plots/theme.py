"""Colors, symbols, fonts and number formats that all plots of a report share.

The colors are those of Okabe and Ito, which color-blind readers can tell apart. Each outcome also has its own symbol.
Backgrounds are transparent and text takes the color of the page, so a plot is readable in light and in dark mode.
No plot has a fixed width, and legends are below the plot.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple
from unicodedata import east_asian_width

import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, label_rgb, make_colorscale, sample_colorscale

from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome
from sweeper.wording import format_value, shorten_middle, show_controls

BLUE, SKY, GREEN, ORANGE, RED = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"
PINK, YELLOW, GREY = "#CC79A7", "#F0E442", "#888888"
SYSTEM_COLORS = (BLUE, ORANGE, GREEN, RED, SKY, PINK, GREY)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")
DASHES = ("solid", "dash", "dot", "dashdot")
SCORES = ((0.0, ORANGE), (0.5, "#999999"), (1.0, BLUE))  # both ends are visible on a light and on a dark background
SHARES = ((0.0, "#f2f6fa"), (0.5, SKY), (1.0, "#003f66"))
MAX_UNIT_TICKS = 10  # an axis of epochs or trials up to this length has a tick for each
_MAX_TITLE = 28  # characters of a title: on a narrow page, buttons are beside it
_MAX_NAME = 30  # characters of a name in a title or a legend
OUTCOME_WIDTH = 85  # pixels for the label of an outcome in a legend


class OutcomeStyle(NamedTuple):
    """The label, color and symbol of an outcome."""

    label: str
    color: str
    symbol: str


OUTCOME_STYLES: Mapping[Outcome | None, OutcomeStyle] = {
    Outcome.COMPLETED: OutcomeStyle("completed", BLUE, "circle"),
    Outcome.STOPPED_EARLY: OutcomeStyle("stopped early", SKY, "square"),
    Outcome.DIVERGED: OutcomeStyle("diverged", RED, "x"),
    Outcome.COLLAPSED: OutcomeStyle("collapsed", PINK, "triangle-down"),
    Outcome.OUT_OF_MEMORY: OutcomeStyle("out of memory", ORANGE, "cross"),
    Outcome.FAILED: OutcomeStyle("failed", YELLOW, "diamond"),
    None: OutcomeStyle("not ended", GREY, "hourglass"),
}

_FAINT = "rgba(128, 128, 128, 0.25)"
_TRANSPARENT = "rgba(0, 0, 0, 0)"
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
        "paper_bgcolor": _TRANSPARENT,
        "plot_bgcolor": _TRANSPARENT,
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
        "modebar": {"bgcolor": _TRANSPARENT, "color": GREY, "activecolor": BLUE},
        "hoverlabel": {"namelength": -1},
        "hovermode": "closest",
        "dragmode": False,
    }
)


def empty_figure(height: int, title: str = "", **layout: Any) -> go.Figure:
    """Return a figure without traces, `height` pixels high and as wide as its place on the page."""
    return go.Figure(
        layout={"template": _TEMPLATE, "height": height, "title": {"text": format_text(title, _MAX_TITLE)}, **layout}
    )


def colorbar(title: str, **options: Any) -> dict[str, Any]:
    """Return the options of a color bar beside a plot."""
    return {"title": {"text": format_text(title), "side": "right"}, "thickness": 10, "outlinewidth": 0, **options}


def colorscale(colors: Sequence[tuple[float, str]], *, higher_is_better: bool = True) -> list[tuple[float, str]]:
    """Return a color scale from low to high values; reversed if lower values are better."""
    return list(colors) if higher_is_better else [(1 - position, color) for position, color in reversed(colors)]


def color_steps(count: int, *, higher_is_better: bool = True) -> list[str]:
    """Return `count` colors of the scale of scores, from low to high."""
    colors = [label_rgb(hex_to_rgb(color)) for _, color in colorscale(SCORES, higher_is_better=higher_is_better)]
    scale = make_colorscale(colors)
    return list(sample_colorscale(scale, [k / (count - 1) for k in range(count)]))


def format_short(value: Scalar) -> str:
    """Return the value of a hyperparameter in few characters: three digits, or a name without its owner."""
    if isinstance(value, float):
        return format_number(value)
    text = format_value(value)
    return text.rpartition("/")[2] or text


def format_number(value: float) -> str:
    """Return a number with three significant digits: 0.05, 1000, 2e-05."""
    return f"{float(f'{value:.3g}'):g}"


def log_ticks(low: float, high: float, max_between: int = 7) -> list[float]:
    """Return the ticks of a logarithmic axis: both ends, and about `max_between` round numbers (1, 2, 5) between."""
    round_numbers = [float(f"{digit}e{power}") for power in range(-12, 13) for digit in (1, 2, 5)]
    between = [number for number in round_numbers if low * 1.3 < number < high / 1.3]
    return [low, *between[:: 1 + len(between) // max_between], high]


def format_text(text: str, length: int = _MAX_NAME) -> str:
    """Return a text so that plotly, which reads some HTML tags, shows it as it is, cut to `length` characters."""
    return escape(cut_text(text, length), quote=False)


def cut_text(text: str, length: int = _MAX_NAME) -> str:
    """Return a text in at most `length` characters of which each is seen. Plotly must not read it as markup."""
    return shorten_middle(show_controls(text), length)


def cut_names(names: Sequence[str], length: int) -> list[str]:
    """Return names in at most about `length` characters; numbered from 1 where two of them would be the same."""
    short = [cut_text(name, length) for name in names]
    return short if len(set(short)) == len(short) else [f"{k} {name}" for k, name in enumerate(short, 1)]


def text_width(text: str) -> int:
    """Return about how many pixels a label is wide."""
    return sum(13 if east_asian_width(char) in "WF" else 7 for char in text)
