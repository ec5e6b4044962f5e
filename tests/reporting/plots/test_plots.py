"""Plots load nothing from a network, have no fixed width, and never rely on color alone."""

import gzip
import json
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html import figure_data
from sweeper.reporting.plots import draw, theme
from sweeper.reporting.plots.parallel_coordinates import plot_parallel
from sweeper.trials.outcome import Outcome

SCORE_RANGE = (0.2, 0.6)
ALL_OUTCOMES = [*Outcome, None]

OPTIMISM = figure_data.OptimismFigure(
    "accuracy",
    [
        figure_data.ConfirmedScore("<b>ce</b>", 0.6, [0.5, 0.55], []),
        figure_data.ConfirmedScore("lcl", 0.5, [0.5], [0.4]),
    ],
)
PARALLEL = figure_data.ParallelFigure(
    "validation/accuracy",
    [
        figure_data.ParallelAxis("system", ["ce", "lcl", "lcl"], ["ce", "lcl"]),
        figure_data.ParallelAxis("tau", [None, 0.05, 1000.0], range=(0.05, 1000), is_log=True),
        figure_data.ParallelAxis("alpha", [0.1, 0.9, None], range=(0.1, 0.9)),
    ],
    [0.2, None, 0.6],
)
IMPORTANCES = figure_data.ImportanceFigure("lcl", [Importance("tau", 0.8, 0.3), Importance("alpha", 0.2, 1.7)])
POINTS = [
    figure_data.AlphaTauPoint(k, 0.1 * (k + 1), 0.5, None if k == 2 else 0.5, end) for k, end in enumerate(ALL_OUTCOMES)
]
ALPHA_TAU_MAP = figure_data.AlphaTauFigure("lcl", "validation/accuracy", POINTS, SCORE_RANGE, (0.05, 1), (0.1, 0.9))
TRIAL_CURVES = [
    figure_data.LearningCurve(1, [1, 2, 3], [0.2, 0.4, 0.5], Outcome.COMPLETED),
    figure_data.LearningCurve(2, [1], [0.3], Outcome.STOPPED_EARLY),
    figure_data.LearningCurve(3, [1, 2], [0.3, 0.4], Outcome.COMPLETED),
    figure_data.LearningCurve(4, [1], [0.3], Outcome.COMPLETED, is_confirmation=True),
]
CURVES = figure_data.LearningCurvesFigure("lcl", "validation/accuracy", TRIAL_CURVES, [1.0])
TIMELINE = figure_data.TimelineFigure(
    [
        figure_data.TimelineBar(k, "ce", k % 2, k, k + 1.0, end, attempts=1 + (k == 1), is_confirmation=k == 2)
        for k, end in enumerate(ALL_OUTCOMES)
    ]
)
EXPECTED = figure_data.ExpectedBestFigure(
    "validation/accuracy", [figure_data.ExpectedBestCurve(f"system {k}", [0.3, 0.4, 0.45]) for k in range(9)]
)
CONFUSION = figure_data.ConfusionFigure(["<i>a</i>", "b"], np.array([[3, 1], [0, 0]]))
WEIGHTS = figure_data.ClassWeightsFigure(["a", "b"], np.array([[0.1, 0.9], [np.nan, np.nan]]))
SLICE = figure_data.SliceFigure(
    "accuracy",
    figure_data.ParallelAxis("tau", [0.05, 1.0], range=(0.05, 1), is_log=True),
    [0.4, 0.5],
    ["lcl", "lcl"],
    [1, 2],
    ["ce", "lcl"],
)
PAIR = figure_data.PairFigure(
    "accuracy",
    [
        figure_data.ParallelAxis("tau", [0.05, None, 1.0], range=(0.05, 1), is_log=True),
        figure_data.ParallelAxis("<b>batch</b>", [16, 32, 16], [16, 32]),
    ],
    [0.4, 0.6, 0.5],
    [1, 2, 3],
    is_rank=True,
)
CALIBRATION = figure_data.CalibrationFigure("lcl, test", [figure_data.CalibrationBin(3, 0.6, 2 / 3)])
ALL_FIGURES = [SLICE, PAIR, replace(PAIR, is_rank=False), CALIBRATION]
ALL_FIGURES += [OPTIMISM, PARALLEL, IMPORTANCES, ALPHA_TAU_MAP, CURVES, TIMELINE, EXPECTED, CONFUSION, WEIGHTS]


def plot_json(data: figure_data.Figure) -> dict[str, Any]:
    """Return a figure as plotly.js receives it."""
    figure: dict[str, Any] = json.loads(draw.draw(data).to_json())
    return figure


def legend_trace(data: figure_data.Figure, name: str) -> dict[str, Any]:
    """Return the trace that has this name in the legend."""
    return next(
        trace for trace in plot_json(data)["data"] if trace.get("name") == name and trace.get("showlegend", True)
    )


def test_every_type_of_figure_has_a_plot() -> None:
    assert {type(figure) for figure in ALL_FIGURES} == set(get_args(figure_data.Figure))


@pytest.mark.parametrize("data", ALL_FIGURES, ids=lambda data: type(data).__name__)
def test_a_plot_is_as_wide_as_the_page_and_has_its_legend_below(data: figure_data.Figure) -> None:
    layout = plot_json(data)["layout"]
    assert "width" not in layout
    assert layout["height"] >= 100
    assert layout["template"]["layout"]["legend"]["orientation"] == "h"


@pytest.mark.parametrize("data", ALL_FIGURES, ids=lambda data: type(data).__name__)
def test_a_plot_loads_nothing_and_sends_nothing(data: figure_data.Figure) -> None:
    html = draw.figure_html(data, "one")
    assert not re.search(r"""(src|href)\s*=""", html)
    assert '"modeBarButtons":[["zoom2d","pan2d","resetScale2d"]]' in html
    assert "sendDataToCloud" not in html
    assert "plotly.js v" not in html  # the page contains plotly.js once


def test_a_page_contains_plotly_packed_and_under_a_megabyte() -> None:
    scripts = draw.page_scripts()
    packed = re.search(r'id="plotly-js">([A-Za-z0-9+/=]+)</script>', scripts)
    assert packed is not None
    library = gzip.decompress(b64decode(packed[1])).decode()
    assert "plotly.js (cartesian - minified) v" in library[:200]
    assert "Licensed under the MIT license" in library[:200]
    assert len(scripts) < 700_000


def test_the_diamond_of_a_system_is_the_search_score_of_its_chosen_setting() -> None:
    trace = legend_trace(OPTIMISM, "score in the search")  # it need not be the best of the search
    assert (trace["marker"]["symbol"], trace["x"]) == ("diamond", [0.5, 0.6])


def test_markup_in_names_is_escaped() -> None:
    annotations = plot_json(OPTIMISM)["layout"]["annotations"]
    assert [annotation["text"] for annotation in annotations] == ["lcl", "&lt;b&gt;ce&lt;/b&gt;"]
    assert plot_json(CONFUSION)["layout"]["xaxis"]["ticktext"][0] == "&lt;i&gt;a&lt;/i&gt;"
    html = draw.figure_html(figure_data.ConfusionFigure(["</script>", "<!--"], np.eye(2, dtype=int)), "x")
    assert html.count("</script") == 1
    assert "<!--" not in html


NAME, OTHER = "<i>n</i>", "<i>o</i>"
CHOICE = figure_data.ParallelAxis(NAME, [NAME, OTHER], [NAME, OTHER])
NAMED: list[figure_data.Figure] = [
    replace(OPTIMISM, rows=[figure_data.ConfirmedScore(NAME, 0.6, [0.5], [])]),
    replace(PARALLEL, axes=[CHOICE], scores=[0.2, 0.3]),
    figure_data.ImportanceFigure(NAME, [Importance(NAME, 0.8, 0.3)]),
    replace(ALPHA_TAU_MAP, title=NAME),
    replace(CURVES, title=NAME),
    replace(TIMELINE, bars=[replace(bar, system=NAME) for bar in TIMELINE.bars]),
    replace(EXPECTED, curves=[figure_data.ExpectedBestCurve(NAME, [0.3, 0.4])]),
    figure_data.ConfusionFigure([NAME, OTHER], np.eye(2, dtype=int), NAME),
    figure_data.ClassWeightsFigure([NAME, OTHER], np.eye(2), NAME),
    replace(SLICE, axis=CHOICE, systems=[NAME, OTHER], all_systems=[NAME, OTHER]),
    replace(PAIR, axes=[CHOICE, replace(CHOICE, name=OTHER)], scores=[0.4, 0.6], trials=[1, 2]),
    replace(CALIBRATION, title=NAME),
]


@pytest.mark.parametrize("data", NAMED, ids=lambda data: type(data).__name__)
def test_markup_in_the_name_of_a_system_a_class_or_a_value_is_escaped(data: figure_data.Figure) -> None:
    """That of a title, an axis, a tick, a legend and a text that the mouse shows."""
    figure = json.dumps(plot_json(data))
    assert "&lt;i&gt;" in figure
    assert "<i>" not in figure.replace(f'"name": "{NAME}", "title"', "").replace(f'"name": "{OTHER}", "title"', "")


def test_every_type_of_figure_has_a_name_in_it() -> None:
    assert {type(figure) for figure in NAMED} == set(get_args(figure_data.Figure))


BY_METRIC = [OPTIMISM, PARALLEL, ALPHA_TAU_MAP, CURVES, EXPECTED, SLICE, replace(PAIR, is_rank=False)]


@pytest.mark.parametrize("data", BY_METRIC, ids=lambda data: type(data).__name__)
def test_markup_in_the_class_that_an_objective_names_is_escaped(data: Any) -> None:
    figure = json.dumps(plot_json(replace(data, metric="f1/<b>x</b>")))
    assert "f1/&lt;b&gt;x&lt;/b&gt;" in figure
    assert "f1/<b>" not in figure


def test_every_outcome_has_its_own_color_and_symbol() -> None:
    assert set(theme.OUTCOME_STYLES) == set(ALL_OUTCOMES)
    assert len({style.color for style in theme.OUTCOME_STYLES.values()}) == len(ALL_OUTCOMES)
    assert len({style.symbol for style in theme.OUTCOME_STYLES.values()}) == len(ALL_OUTCOMES)


def test_only_healthy_trials_of_an_alpha_tau_map_are_colored_by_score() -> None:
    traces = [trace for trace in plot_json(ALPHA_TAU_MAP)["data"] if trace.get("showlegend") is False]
    by_score = {trace["name"] for trace in traces if "coloraxis" in trace["marker"]}
    assert by_score == {"completed", "stopped early", "not ended"}
    assert {trace["name"] for trace in traces} == {style.label for style in theme.OUTCOME_STYLES.values()}
    layout = plot_json(ALPHA_TAU_MAP)["layout"]
    assert layout["xaxis"]["type"] == "log"
    assert (layout["coloraxis"]["cmin"], layout["coloraxis"]["cmax"]) == SCORE_RANGE


def test_the_color_scale_is_reversed_if_lower_scores_are_better() -> None:
    up, down = theme.colorscale(theme.SCORES), theme.colorscale(theme.SCORES, higher_is_better=False)
    assert [color for _, color in down] == [color for _, color in reversed(up)]
    assert [position for position, _ in down] == [0.0, 0.5, 1.0]


def test_a_system_has_the_same_color_in_every_slice() -> None:
    (trace,) = plot_json(SLICE)["data"]
    assert trace["marker"]["color"] == theme.SYSTEM_COLORS[1]


def test_ranks_count_from_the_best_trial_and_the_menus_have_every_axis() -> None:
    figure = plot_json(PAIR)
    assert figure["data"][0]["marker"]["color"] == [3, 1, 2]
    axes = figure["layout"]["meta"]["axes"]
    assert [axis["title"] for axis in axes] == ["tau", "&lt;b&gt;batch&lt;/b&gt;"]
    assert axes[1]["values"] == [0.0, 1.0, 0.0]


def test_curves_of_one_outcome_are_separate_lines_with_a_symbol_at_each_end() -> None:
    trace = legend_trace(CURVES, "completed")
    assert trace["x"] == [1, 2, 3, None, 1, 2, None]
    assert trace["marker"]["size"] == [0, 0, 9, 0, 0, 9, 0]
    assert legend_trace(CURVES, "fresh seeds")["line"]["dash"] == "dot"
    assert [shape["x0"] for shape in plot_json(CURVES)["layout"]["shapes"]] == [1.0]


def test_the_bar_of_a_hyperparameter_is_grey_if_chance_explains_it() -> None:
    bars, marks = plot_json(IMPORTANCES)["data"]
    assert bars["y"] == ["alpha", "tau"]
    assert bars["marker"]["color"] == [theme.GREY, theme.BLUE]
    assert marks["x"] == [1.0, 0.3]  # the mark stays inside the plot


def test_timeline_bars_have_patterns_for_repeated_attempts_and_confirmation() -> None:
    patterns = {trace["name"]: trace["marker"]["pattern"]["shape"] for trace in plot_json(TIMELINE)["data"]}
    assert patterns["stopped early"] == ["/"]
    assert patterns["diverged"] == ["."]
    assert patterns["completed"] == [""]


def test_the_timeline_labels_a_pause_that_was_cut_out() -> None:
    figure = plot_json(
        figure_data.TimelineFigure([figure_data.TimelineBar(1, "ce", 0, 0.0, 3.0, None)], [(1.5, 15.25)])
    )
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == [1.5]
    assert figure["layout"]["annotations"][0]["text"] == "15.2 h pause"


@pytest.mark.parametrize(("hours", "unit"), [(1.5, "minutes"), (3.0, "hours")])
def test_a_timeline_is_in_minutes_or_hours(hours: float, unit: str) -> None:
    figure = plot_json(figure_data.TimelineFigure([figure_data.TimelineBar(1, "ce", 0, 0.5, hours, None)]))
    assert unit in figure["layout"]["xaxis"]["title"]["text"]
    assert figure["data"][0]["base"] == [0.5 if unit == "hours" else 30]


def test_many_systems_have_different_lines() -> None:
    lines = [(trace["line"]["color"], trace["line"]["dash"]) for trace in plot_json(EXPECTED)["data"]]
    assert len(set(lines)) == 9


def test_heat_maps_leave_missing_weights_blank_and_show_numbers_if_they_fit() -> None:
    assert draw.draw(CONFUSION).data[0].z[0].tolist() == [0.75, 0.25]
    assert np.isnan(draw.draw(CONFUSION).data[0].z[1]).all()  # no text has this class
    assert np.isnan(draw.draw(WEIGHTS).data[0].z[1]).all()
    assert draw.draw(CONFUSION).data[0].texttemplate is not None
    many = figure_data.ConfusionFigure([f"class {k}" for k in range(27)], np.eye(27, dtype=int))
    assert draw.draw(many).data[0].texttemplate is None


def test_a_heat_map_of_many_classes_has_a_bounded_height_and_names_some() -> None:
    many = figure_data.ConfusionFigure([f"class {k}" for k in range(1000)], np.eye(1000, dtype=int))
    figure = draw.draw(many)
    assert figure.layout.height < 4000
    assert 50 < len(figure.layout.xaxis.ticktext) <= 120


def test_classes_that_look_the_same_when_cut_are_numbered() -> None:
    alike = [f"{'a' * 30}{k}{'b' * 30}" for k in range(2)]
    ticks = draw.draw(figure_data.ConfusionFigure(alike, np.eye(2, dtype=int))).layout.xaxis.ticktext
    assert [tick[:2] for tick in ticks] == ["1 ", "2 "]


def test_parallel_coordinates_keep_trials_with_inactive_hyperparameters() -> None:
    traces = plot_parallel(PARALLEL).data
    lines = {tuple(np.round(x, 3)) for trace in traces for x in split_lines(trace.x)}
    none = 0.0  # the left end of each axis that has a trial without a value
    assert len(lines) == 3
    assert sorted(line[1] for line in lines) == pytest.approx([none, 0.167, 1.0], abs=1e-3)  # tau
    assert sorted(line[0] for line in lines) == [0.0, 1.0, 1.0]  # the system
    assert [line[3] for line in lines].count(none) == 1  # the score
    texts = [annotation.text for annotation in plot_parallel(PARALLEL).layout.annotations]
    assert texts.count("none") == 3
    assert {"<b>tau</b>", "0.05", "1000", "ce", "lcl"} <= set(texts)
    assert any("tau: none" in text for trace in traces for text in trace.text)


def split_lines(positions: Sequence[float | None]) -> list[list[float]]:
    """Return the lines of a trace, which None separates."""
    lines: list[list[float]] = [[]]
    for position in positions:
        if position is None:
            lines.append([])
        else:
            lines[-1].append(position)
    return lines[:-1]


@pytest.mark.parametrize("score", [0.5, None])
def test_an_axis_with_equal_values_is_drawn(score: float | None) -> None:
    data = figure_data.ParallelFigure("m", [figure_data.ParallelAxis("alpha", [0.5, 0.5])], [score, score])
    for trace in plot_parallel(data).data:
        assert all(0 <= x <= 1 for line in split_lines(trace.x) for x in line)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.05, 1.0, [0.05, 0.1, 0.2, 0.5, 1.0]),
        (1e-5, 1e-4, [1e-5, 2e-5, 5e-5, 1e-4]),
        (0.3, 0.31, [0.3, 0.31]),
        (0.05, 1000.0, [0.05, 0.1, 0.5, 2.0, 10.0, 50.0, 200.0, 1000.0]),
    ],
)
def test_log_ticks_are_the_ends_and_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert theme.log_ticks(low, high) == pytest.approx(ticks)


def test_a_value_that_is_not_a_figure_is_rejected() -> None:
    with pytest.raises(TypeError, match="no plot for str"):
        draw.draw("not a figure")  # type: ignore[arg-type]
