"""The figures of a sweep that minimizes have its low scores as the good ones, as the mirror image of a sweep shows."""

import re
from collections.abc import Generator
from pathlib import Path
from random import Random

import pytest

from sweeper.reporting.html.alpha_tau import build_alpha_tau
from sweeper.reporting.html.early_stopping_audit import Audit, audit_early_stopping
from sweeper.reporting.html.expected_best import build_expected_best
from sweeper.reporting.html.figure_sections import slices_section
from sweeper.reporting.html.glance import glance_section
from sweeper.reporting.html.importance_inputs import importance_inputs
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.html.search_figures import build_optimism, build_pairs, build_parallel
from sweeper.reporting.plots import draw, theme
from sweeper.reporting.templates.environment import Html
from sweeper.training.config import TrainConfig
from sweeper.training.types import TrainingData, ValidationReport
from tests.support.mirrored_sweeps import metrics_of, rounded, run_mirrored

Pair = tuple[ReportData, ReportData]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The reports of two searches: of the one that maximizes, and of the one that minimizes."""
    sweeps = run_mirrored(tmp_path_factory.mktemp("mirrored"), confirm={"seeds": 0})
    higher, lower = (ReportData(it.spec, it.records, it.results, ["lcl", "scl"]) for it in sweeps)
    return higher, lower


def test_the_expected_best_falls_with_more_trials(pair: Pair) -> None:
    for higher, lower in zip(*(build_expected_best(report).curves for report in pair), strict=True):
        assert [1 - score for score in lower.best] == pytest.approx(higher.best)
        assert lower.best[-1] < lower.best[0]


def test_importance_rests_on_the_same_order_of_the_trials(pair: Pair) -> None:
    for system in (0, 1):
        higher, lower = (importance_inputs(report, system) for report in pair)
        assert [setting for setting, _ in lower] == [setting for setting, _ in higher]
        assert [1 + score for _, score in lower] == [score for _, score in higher]
        assert len({score for _, score in higher}) > 5


def late(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
    """Report a first validation that says little about the later ones."""
    random = Random(config.seed)
    first, later = 0.3 + 0.1 * random.random(), 0.6 + 0.02 * random.random()
    for step in range(1, config.epochs + 1):
        yield ValidationReport(step, float(step), metrics_of(rounded(first if step == 1 else later), "validation"))


def test_the_audit_of_early_stopping_is_the_same(tmp_path: Path) -> None:
    sweeps = run_mirrored(tmp_path, train=late, confirm={"seeds": 0})
    higher, lower = (audit_early_stopping(ReportData(it.spec, it.records, it.results, ["lcl", "scl"])) for it in sweeps)
    assert lower == higher
    assert isinstance(lower, Audit)
    assert 0 < lower.expected < lower.stopped


def test_parallel_coordinates_color_the_same_trials_as_good_and_draw_them_on_top(pair: Pair) -> None:
    higher, lower = ([trace.line.color for trace in draw.draw(build_parallel(report)).data] for report in pair)
    assert lower == higher
    assert len(lower) > 5
    drawn = [[trace.text for trace in draw.draw(build_parallel(report)).data] for report in pair]
    assert [len(texts) for texts in drawn[1]] == [len(texts) for texts in drawn[0]]
    best = min(score for score in build_parallel(pair[1]).scores if score is not None)
    assert f"validation/loss: {theme.format_short(best)}" in "".join(drawn[1][-1])


def test_areas_have_the_good_color_where_the_score_is_low_and_ranks_count_from_it(pair: Pair) -> None:
    turned = tuple(theme.colorscale(theme.SCORES, higher_is_better=False))
    (higher_areas, higher_ranks), (areas, ranks) = ([draw.draw(it) for it in build_pairs(report)] for report in pair)
    assert tuple(areas.data[0].colorscale) == turned != tuple(higher_areas.data[0].colorscale)
    assert ranks.data[0].marker.color == higher_ranks.data[0].marker.color
    assert ranks.data[0].marker.colorscale == higher_ranks.data[0].marker.colorscale
    assert ranks.data[0].marker.reversescale
    scores = [score for _, score in ranks.data[0].customdata]
    assert scores[ranks.data[0].marker.color.index(1)] == min(scores)


def test_maps_of_alpha_and_tau_have_the_good_color_where_the_score_is_low(pair: Pair) -> None:
    for figure in build_alpha_tau(pair[1]):
        colors = draw.draw(figure).layout.coloraxis.colorscale
        assert tuple(colors) == tuple(theme.colorscale(theme.SCORES, higher_is_better=False))
    assert build_alpha_tau(pair[1])


def test_a_region_worth_searching_is_a_valley(pair: Pair) -> None:
    higher, lower = (str(slices_section(report).components[0].caption) for report in pair)  # type: ignore[union-attr]
    assert ("a slope or a hill that" in higher.lower(), "a slope or a valley that" in lower.lower()) == (True, True)


def test_the_same_trial_is_the_best_so_far(pair: Pair) -> None:
    higher, lower = ("".join(map(str, glance_section(it, Html(""), {}).components)) for it in pair)
    below = (text.partition("<dt>setting</dt>")[2] for text in (higher, lower))
    up, down = (re.sub(r"\d+ seconds?", "its time", text) for text in below)  # that the sweep really took
    assert "its time" in up
    assert down == up
    best = min(system.best.mean for system in pair[1].results.systems if system.best)
    assert f"validation/loss {best:.4f}, chosen by this same score" in lower


def test_the_kept_model_is_the_same_and_optimism_too(tmp_path: Path) -> None:
    higher, lower = (ReportData(it.spec, it.records, it.results, ["lcl", "scl"]) for it in run_mirrored(tmp_path))
    assert higher.best_record is not None
    assert lower.best_record is not None
    assert lower.best_record.trial.number == higher.best_record.trial.number
    for up, down in zip(build_optimism(higher).rows, build_optimism(lower).rows, strict=True):
        assert [1 - score for score in (down.search, *down.validation, *down.test)] == pytest.approx(
            [up.search, *up.validation, *up.test]
        )
