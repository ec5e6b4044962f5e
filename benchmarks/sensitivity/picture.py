"""The picture: shares of variance of each data set, and below them maps of the score of one loss over its space."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.sensitivity.page import LOSS_NAMES, label, ordered_names
from benchmarks.sensitivity.searched_space import fraction_of_range, value_in_range
from benchmarks.sensitivity.shares import INTERACTIONS, UNEXPLAINED, Analysis

_WIDTH, _SHARES_HEIGHT, _MAP_HEIGHT = 10.0, 3.3, 2.5  # inches
_DPI = 200
_COLORS = {"ce": "#888888", "scl": "#E69F00", "lcl": "#0072B2"}  # Okabe and Ito, as in the report
_GRID, _OTHERS = 24, 128  # points of a map on each side; points of the other hyperparameters to average over
_CHANCE = "chance level (a filled dot is above it)"
_FEATURES = {0.0: "raw", 1.0: "cosine"}
_SHORT = {"normalize": "features", INTERACTIONS: "interactions"}
_NEAR = 2  # factor of the learning rate within which a setting is shown on a map at one learning rate
_TICKS = 4  # at most, on a logarithmic axis


def draw_picture(analyses: Sequence[Analysis], path: Path) -> None:
    """Draw the shares of all analyses, and maps of the last loss of each data set that has both features, as a PNG."""
    datasets = list(dict.fromkeys(analysis.trainings.dataset for analysis in analyses))
    mapped = [[a for a in analyses if a.trainings.dataset == dataset and _has_maps(a)][-1:] for dataset in datasets]
    maps = [analysis for last in mapped for analysis in last]
    height = _SHARES_HEIGHT + _MAP_HEIGHT * len(maps)
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, layout="constrained", facecolor="white")
    rows = figure.subfigures(
        1 + len(maps), 1, height_ratios=[_SHARES_HEIGHT, *[_MAP_HEIGHT] * len(maps)], squeeze=False
    )
    _draw_shares(rows[0, 0], analyses, datasets)
    for row, analysis in zip(rows[1:, 0], maps, strict=True):
        _draw_maps(row, analysis)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})


def _has_maps(analysis: Analysis) -> bool:
    has_all = {"learning_rate", "alpha", "normalize", "tau"} <= set(analysis.space.names)
    return has_all and len(analysis.space.axis("tau").ranges) > 1


def _draw_shares(figure: Any, analyses: Sequence[Analysis], datasets: Sequence[str]) -> None:
    figure.suptitle("Share of the variance of the best validation accuracy, %", fontsize=12, fontweight="bold")
    names = [*ordered_names(analyses), INTERACTIONS, UNEXPLAINED]
    panels = figure.subplots(1, len(datasets), sharex=True, sharey=True, squeeze=False)[0]
    for axes, dataset in zip(panels, datasets, strict=True):
        chosen = [analysis for analysis in analyses if analysis.trainings.dataset == dataset]
        for place, analysis in enumerate(chosen):
            _draw_loss_shares(
                axes, analysis, names, (place - (len(chosen) - 1) / 2) * 0.26, is_last=analysis is chosen[-1]
            )
        axes.set_title(dataset, fontsize=11)
        axes.set_yticks(range(len(names)), [_SHORT.get(name, label(name)) for name in names], fontsize=10)
        axes.set(xlim=(-2, 102), ylim=(len(names) - 0.5, -0.5))
        axes.tick_params(labelsize=10)
        axes.grid(axis="x", color="#dddddd")
        axes.spines[["top", "right"]].set_visible(False)
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(handles[0]), fontsize=10, frameon=False)


def _draw_loss_shares(axes: Any, analysis: Analysis, names: Sequence[str], shift: float, *, is_last: bool) -> None:
    """Draw a loss's shares with their intervals: filled if above chance, which is a short line."""
    color = _COLORS[analysis.trainings.loss]
    shares = [share for share in analysis.shares if share.name in names]
    heights = [names.index(share.name) + shift for share in shares]
    lows, highs, values = (np.array([100 * getattr(s, name) for s in shares]) for name in ("low", "high", "value"))
    axes.hlines(heights, lows, highs, color=color, linewidth=1.5)
    fills = [color if share.is_finding else "white" for share in shares]
    axes.scatter(values, heights, s=26, c=fills, edgecolors=color, zorder=3)
    axes.scatter([], [], s=26, color=color, label=LOSS_NAMES[analysis.trainings.loss])
    compared = [
        (100 * share.chance, height) for share, height in zip(shares, heights, strict=True) if share.chance is not None
    ]
    axes.scatter(*np.transpose(compared), marker="|", s=60, color="black", linewidths=1.2, zorder=4,
                 label=_CHANCE if is_last else None)  # fmt: skip


def _draw_maps(figure: Any, analysis: Analysis) -> None:
    """Draw learning rate by tau, and alpha by tau at the best learning rate, each for raw and for cosine features."""
    trainings = analysis.trainings
    title = f"{trainings.dataset}, {LOSS_NAMES[trainings.loss]}: best validation accuracy, %"
    figure.suptitle(title, fontsize=12, fontweight="bold")
    scale = {"cmap": "viridis", "vmin": 100 * trainings.scores.min(), "vmax": 100 * trainings.scores.max()}
    features = [value for value, _, _ in analysis.space.axis("tau").ranges]
    panels = figure.subplots(1, 2 * len(features), squeeze=False)[0]
    for place, value in enumerate(features):
        name = _FEATURES[float(value or 0)]
        _draw_map(panels[place], analysis, "learning_rate", value, None, scale)
        panels[place].set_title(f"{name} features", fontsize=10)
        best = best_learning_rate(analysis, value)
        image = _draw_map(panels[place + len(features)], analysis, "alpha", value, best, scale)
        panels[place + len(features)].set_title(f"{name}, learning rate {_format(best)}", fontsize=10)
    figure.colorbar(image, ax=list(panels), pad=0.01).ax.tick_params(labelsize=10)


def _draw_map(
    axes: Any, analysis: Analysis, vertical: str, features: float | None, rate: float | None, scale: dict[str, Any]
) -> Any:
    """Draw the process's score as a surface, and settings as dots in the color of theirs.

    With a learning `rate`, the surface is that at this rate, and the dots are settings with at most twice or half of
    it; otherwise all.
    """
    low, high = _range(analysis, "tau", features)
    bottom, top = _range(analysis, vertical)
    steps = np.linspace(0, 1, _GRID)
    surface = 100 * mean_score(analysis, vertical, features, steps, rate)
    grid = value_in_range(steps, low, high, "tau"), value_in_range(steps, bottom, top, vertical)
    image = axes.pcolormesh(*grid, surface, shading="gouraud", rasterized=True, **scale)
    settings = analysis.trainings.settings
    shown = settings["normalize"].astype(float) == features
    if rate is not None:
        shown &= settings["learning_rate"].between(rate / _NEAR, rate * _NEAR)
    scores = 100 * analysis.trainings.scores[shown.to_numpy()]
    axes.scatter(settings["tau"][shown], settings[vertical][shown], c=scores, s=26, edgecolors="white",
                 linewidths=0.8, clip_on=False, zorder=3, **scale)  # fmt: skip
    is_rate = vertical == "learning_rate"
    axes.set(xscale="log", yscale="log" if is_rate else "linear", xlim=(low, high), ylim=(bottom, top))
    axes.set_xlabel("tau", fontsize=10)
    axes.set_ylabel(label(vertical), fontsize=10)
    axes.tick_params(labelsize=9)
    axes.minorticks_off()
    axes.set_xticks(*log_ticks(low, high))
    if is_rate:
        axes.set_yticks(*log_ticks(bottom, top))
    return image


def _range(analysis: Analysis, name: str, features: float | None = None) -> tuple[float, float]:
    """Return the range of a hyperparameter: of tau, the one for these features."""
    ranges = {value: (low, high) for value, low, high in analysis.space.axis(name).ranges}
    return ranges[features]


def best_learning_rate(analysis: Analysis, features: float | None) -> float:
    """Return the learning rate at which the process has the highest mean score for these features."""
    steps = np.linspace(0, 1, _GRID)
    best = steps[mean_score(analysis, "learning_rate", features, steps).mean(axis=1).argmax()]
    return float(value_in_range([best], *_range(analysis, "learning_rate"), "learning_rate")[0])


def mean_score(
    analysis: Analysis,
    vertical: str,
    features: float | None,
    steps: NDArray[np.float64],
    rate: float | None = None,
) -> NDArray[np.float64]:
    """Return the process's score at `steps` of a hyperparameter (rows) and of tau (columns), a mean over the others.

    With a learning `rate`, that is kept.
    """
    space = analysis.space
    base = np.random.default_rng(0).random((_OTHERS, len(space.axes)))
    if features is not None:
        choices = space.axis("normalize").choices
        base[:, space.names.index("normalize")] = (choices.index(features) + 0.5) / len(choices)
    if rate is not None:
        bounds = _range(analysis, "learning_rate")
        place = fraction_of_range(np.array([rate]), *bounds, "learning_rate")
        base[:, space.names.index("learning_rate")] = place
    means = []
    for step in steps:
        points = np.repeat(base, len(steps), axis=0)
        points[:, space.names.index(vertical)] = step
        points[:, space.names.index("tau")] = np.tile(steps, len(base))
        means.append(analysis.model.predict(space.features(points)).reshape(len(base), len(steps)).mean(axis=0))
    return np.array(means, dtype=np.float64)


def log_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Return round numbers (1, 2 and 5 times a power of ten) between two values, and their texts."""
    ticks = [float(f"{digit}e{power}") for power in range(-9, 9) for digit in (1, 2, 5)]
    inside = [tick for tick in ticks if low <= tick <= high]
    chosen = inside[:: -(-len(inside) // _TICKS) or 1]
    return chosen, [_format(tick) for tick in chosen]


def _format(value: float) -> str:
    """Return a value in few characters: 0.05, 200, 2e-5."""
    return f"{value:g}" if value >= 0.001 else f"{value:.0e}".replace("e-0", "e-")
