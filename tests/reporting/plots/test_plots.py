"""How pictures look: nothing from a network, nothing of a fixed width, nothing that only colour tells."""

import json
import re
from typing import Any, get_args

import numpy as np
import pytest

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html import figure_data
from sweeper.reporting.plots import draw, theme
from sweeper.reporting.plots.parallel_coordinates import parallel
from sweeper.trials.outcome import Outcome

SCORES = (0.2, 0.6)
ALL = [*Outcome, None]

OPTIMISM = figure_data.Optimism(
    "accuracy",
    [
        figure_data.ConfirmedScore("<b>ce</b>", 0.6, [0.5, 0.55], []),
        figure_data.ConfirmedScore("lcl", 0.5, [0.5], [0.4]),
    ],
)
PARALLEL = figure_data.Parallel(
    "validation/accuracy",
    [
        figure_data.ParallelAxis("cell", ["ce", "lcl", "lcl"], ["ce", "lcl"]),
        figure_data.ParallelAxis("tau", [None, 0.05, 1000.0], range=(0.05, 1000), log=True),
        figure_data.ParallelAxis("alpha", [0.1, 0.9, None], range=(0.1, 0.9)),
    ],
    [0.2, None, 0.6],
)
IMPORTANCES = figure_data.Importances("lcl", [Importance("tau", 0.8, 0.3), Importance("alpha", 0.2, 1.7)])
POINTS = [figure_data.AlphaTauPoint(k, 0.1 * (k + 1), 0.5, None if k == 2 else 0.5, end) for k, end in enumerate(ALL)]
MAP = figure_data.AlphaTauMap("lcl", "validation/accuracy", POINTS, SCORES, (0.05, 1), (0.1, 0.9))
TRIALS = [
    figure_data.Curve(1, [1, 2, 3], [0.2, 0.4, 0.5], Outcome.COMPLETED),
    figure_data.Curve(2, [1], [0.3], Outcome.STOPPED_EARLY),
    figure_data.Curve(3, [1, 2], [0.3, 0.4], Outcome.COMPLETED),
    figure_data.Curve(4, [1], [0.3], Outcome.COMPLETED, confirms=True),
]
CURVES = figure_data.Curves("lcl", "validation/accuracy", TRIALS, [1.0])
TIMELINE = figure_data.Timeline(
    [
        figure_data.TimelineBar(k, "ce", k % 2, k, k + 1.0, end, attempts=1 + (k == 1), confirms=k == 2)
        for k, end in enumerate(ALL)
    ]
)
EXPECTED = figure_data.Expected(
    "validation/accuracy", [figure_data.BestCurve(f"cell {k}", [0.3, 0.4, 0.45]) for k in range(9)]
)
CONFUSION = figure_data.ConfusionFigure(["<i>a</i>", "b"], np.array([[3, 1], [0, 0]]))
WEIGHTS = figure_data.ClassWeightsFigure(["a", "b"], np.array([[0.1, 0.9], [np.nan, np.nan]]))
EVERY = [OPTIMISM, PARALLEL, IMPORTANCES, MAP, CURVES, TIMELINE, EXPECTED, CONFUSION, WEIGHTS]


def plain(figure: figure_data.Figure) -> dict[str, Any]:
    """A picture as plotly.js gets it."""
    found: dict[str, Any] = json.loads(draw.draw(figure).to_json())
    return found


def named(figure: figure_data.Figure, name: str) -> dict[str, Any]:
    """The trace that a name in the legend stands for."""
    return next(trace for trace in plain(figure)["data"] if trace.get("name") == name and trace.get("showlegend", True))


def test_every_figure_of_a_report_is_drawn() -> None:
    assert {type(figure) for figure in EVERY} == set(get_args(figure_data.Figure))


@pytest.mark.parametrize("figure", EVERY, ids=lambda figure: type(figure).__name__)
def test_a_picture_is_as_wide_as_the_page_and_has_its_legend_below(figure: figure_data.Figure) -> None:
    layout = plain(figure)["layout"]
    assert "width" not in layout
    assert layout["height"] >= 100
    assert layout["template"]["layout"]["legend"]["orientation"] == "h"
    assert '"responsive": true' in draw.figure_html(figure, "one")


@pytest.mark.parametrize("figure", EVERY, ids=lambda figure: type(figure).__name__)
def test_a_picture_loads_nothing_and_sends_nothing(figure: figure_data.Figure) -> None:
    html = draw.figure_html(figure, "one")
    assert not re.search(r"""(src|href)\s*=""", html)
    assert '"modeBarButtons": [["zoom2d", "pan2d", "resetScale2d"]]' in html
    assert "sendDataToCloud" not in html
    assert "plotly.js v" not in html  # the library is the page's


def test_the_library_is_a_script_that_does_not_end_its_element() -> None:
    library = draw.plotly_js()
    assert "plotly.js v" in library[:200]
    assert "</script" not in library.lower()


def test_markup_in_names_is_no_markup() -> None:
    assert plain(OPTIMISM)["layout"]["annotations"][0]["text"] in ("&lt;b&gt;ce&lt;/b&gt;", "lcl")
    assert plain(CONFUSION)["layout"]["xaxis"]["ticktext"][0] == "&lt;i&gt;a&lt;/i&gt;"
    assert (
        "</script>"
        not in draw.figure_html(figure_data.ConfusionFigure(["</script>", "b"], np.eye(2, dtype=int)), "x")[:-200]
    )


def test_every_outcome_has_a_colour_and_a_sign_of_its_own() -> None:
    assert set(theme.OUTCOME_STYLES) == set(ALL)
    assert len({look.colour for look in theme.OUTCOME_STYLES.values()}) == len(ALL)
    assert len({look.sign for look in theme.OUTCOME_STYLES.values()}) == len(ALL)


def test_on_a_map_only_trials_that_went_well_are_coloured_by_their_score() -> None:
    traces = [trace for trace in plain(MAP)["data"] if trace.get("showlegend") is False]
    by_score = {trace["name"] for trace in traces if "coloraxis" in trace["marker"]}
    assert by_score == {"completed", "stopped early", "not ended"}
    assert {trace["name"] for trace in traces} == {look.words for look in theme.OUTCOME_STYLES.values()}
    layout = plain(MAP)["layout"]
    assert layout["xaxis"]["type"] == "log"
    assert (layout["coloraxis"]["cmin"], layout["coloraxis"]["cmax"]) == SCORES


def test_where_less_is_better_the_scale_of_scores_is_turned_round() -> None:
    up, down = theme.colorscale(theme.SCORES), theme.colorscale(theme.SCORES, more=False)
    assert [colour for _, colour in down] == [colour for _, colour in reversed(up)]
    assert [place for place, _ in down] == [0.0, 0.5, 1.0]


def test_curves_of_one_outcome_are_apart_and_have_one_sign_at_the_end_of_each() -> None:
    trace = named(CURVES, "completed")
    assert trace["x"] == [1, 2, 3, None, 1, 2, None]
    assert trace["marker"]["size"] == [0, 0, 9, 0, 0, 9, 0]
    assert named(CURVES, "fresh seeds")["line"]["dash"] == "dot"
    assert [shape["x0"] for shape in plain(CURVES)["layout"]["shapes"]] == [1.0]


def test_a_bar_of_a_hyperparameter_is_grey_where_chance_gives_as_much() -> None:
    bars, marks = plain(IMPORTANCES)["data"]
    assert bars["y"] == ["alpha", "tau"]
    assert bars["marker"]["color"] == [theme.GREY, theme.BLUE]
    assert marks["x"] == [1.0, 0.3]  # no further than the edge


def test_a_timeline_tells_attempts_and_confirmations_by_their_pattern() -> None:
    patterns = {trace["name"]: trace["marker"]["pattern"]["shape"] for trace in plain(TIMELINE)["data"]}
    assert patterns["stopped early"] == ["/"]
    assert patterns["diverged"] == ["."]
    assert patterns["completed"] == [""]


def test_a_pause_that_was_cut_out_of_a_timeline_is_said() -> None:
    drawn = plain(figure_data.Timeline([figure_data.TimelineBar(1, "ce", 0, 0.0, 3.0, None)], [(1.5, 15.25)]))
    assert [shape["x0"] for shape in drawn["layout"]["shapes"]] == [1.5]
    assert drawn["layout"]["annotations"][0]["text"] == "15.2 h pause"


@pytest.mark.parametrize(("hours", "unit"), [(1.5, "minutes"), (3.0, "hours")])
def test_a_timeline_is_in_minutes_or_hours(hours: float, unit: str) -> None:
    drawn = plain(figure_data.Timeline([figure_data.TimelineBar(1, "ce", 0, 0.5, hours, None)]))
    assert unit in drawn["layout"]["xaxis"]["title"]["text"]
    assert drawn["data"][0]["base"] == [0.5 if unit == "hours" else 30]


def test_lines_of_many_systems_can_be_told_apart() -> None:
    lines = [(trace["line"]["color"], trace["line"]["dash"]) for trace in plain(EXPECTED)["data"]]
    assert len(set(lines)) == 9


def test_classes_without_texts_are_blank_and_figures_stand_where_there_is_room() -> None:
    assert draw.draw(CONFUSION).data[0].z.tolist() == [[0.75, 0.25], [0.0, 0.0]]
    assert np.isnan(draw.draw(WEIGHTS).data[0].z[1]).all()
    assert draw.draw(CONFUSION).data[0].texttemplate is not None
    many = figure_data.ConfusionFigure([f"class {k}" for k in range(27)], np.eye(27, dtype=int))
    assert draw.draw(many).data[0].texttemplate is None


def test_parallel_coordinates_keep_trials_to_which_a_hyperparameter_did_not_apply() -> None:
    trace = parallel(PARALLEL).data[0]
    system, tau, alpha, score = trace.dimensions
    assert list(system.values) == [0.0, 1.0, 1.0]
    assert [words for words in tau.ticktext if words in ("none", "0.05", "1000")] == ["none", "0.05", "1000"]
    assert tau.values[0] == tau.range[0] < min(tau.values[1:]) == pytest.approx(np.log10(0.05))
    assert alpha.values[2] == alpha.range[0] < 0.1
    assert score.values[1] == score.range[0] < 0.2
    assert list(trace.line.color) == [0.2, 0.2, 0.6]


def test_an_axis_on_which_all_are_alike_still_has_a_length() -> None:
    drawn = parallel(figure_data.Parallel("m", [figure_data.ParallelAxis("alpha", [0.5, 0.5])], [0.5, 0.5]))
    assert all(axis.range[0] < axis.range[1] for axis in drawn.data[0].dimensions)


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0.05, 1.0, [0.05, 0.1, 0.2, 0.5, 1.0]),
        (1e-5, 1e-4, [1e-5, 2e-5, 5e-5, 1e-4]),
        (0.3, 0.31, [0.3, 0.31]),
        (0.05, 1000.0, [0.05, 0.1, 0.5, 2.0, 10.0, 50.0, 200.0, 1000.0]),
    ],
)
def test_marks_on_a_logarithmic_axis_are_its_ends_and_round_numbers(
    low: float, high: float, marks: list[float]
) -> None:
    assert theme.log_ticks(low, high) == pytest.approx(marks)


def test_what_is_no_figure_is_refused() -> None:
    with pytest.raises(TypeError, match="nothing draws str"):
        draw.draw("a picture")  # type: ignore[arg-type]
