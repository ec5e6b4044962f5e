"""The figures of the search have every trial, and are computed as their sources say."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sweeper.reporting.html.alpha_tau import build_alpha_tau
from sweeper.reporting.html.expected_best import build_expected_best, expected_best
from sweeper.reporting.html.importance_inputs import importance_inputs
from sweeper.reporting.html.learning_curves import build_learning_curves, count_saved_epochs
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.html.search_figures import build_parallel
from sweeper.trials.outcome import Outcome
from tests.reporting.html.helpers import confirmed_spec, report_data
from tests.support.fake_sweeps import OUTCOMES, FakeSweep


def mean_best(scores: Sequence[float], draws: int, best: Any) -> float:
    """Return the mean best over every way to draw so many scores, with replacement."""
    return float(np.mean([best(drawn) for drawn in itertools.product(scores, repeat=draws)]))


@pytest.mark.parametrize(("sign", "best"), [(1, max), (-1, min)])
def test_the_expected_best_is_the_mean_over_every_draw(sign: int, best: Any) -> None:
    scores = [0.31, 0.52, 0.52, 0.1, 0.47]
    assert expected_best(scores, sign) == pytest.approx([mean_best(scores, draws, best) for draws in range(1, 6)])


def test_a_trial_without_a_score_counts_as_the_worst_in_the_expected_best() -> None:
    sweep = FakeSweep(confirmed_spec(trials=8)).search(
        [Outcome.COMPLETED, Outcome.DIVERGED, Outcome.COMPLETED, Outcome.FAILED]
    )
    report = report_data(sweep)
    curve = build_expected_best(report).curves[0]
    scores = [report.score(record) for record in report.search_records_of(0)]
    known = [score for score in scores if score is not None]
    assert len(curve.best) == len(scores) == 4
    assert curve.best[0] == pytest.approx((sum(known) + 2 * min(known)) / 4)


def test_the_expected_best_leaves_out_what_the_search_did_not_draw() -> None:
    report = report_data(FakeSweep(confirmed_spec(trials=8)).search([Outcome.COMPLETED] * 4))
    drawn = build_expected_best(report).curves[0].best
    first, second, *rest = report.search_records_of(0)
    raced = replace(first, trial=replace(first.trial, race_of=second.trial.number))
    cloned = replace(second, trial=replace(second.trial, clone_of=first.trial.number))
    others = [record for record in report.records if record.trial.system or record.trial.source_trial]
    mixed = replace(report, records=[raced, cloned, *rest, *others])
    scores = [report.score(record) for record in rest]
    assert build_expected_best(mixed).curves[0].best == expected_best([score for score in scores if score is not None])
    assert len(drawn) == 4


def test_importance_inputs_rank_unhealthy_trials_last_and_leave_failed_ones_out() -> None:
    sweep = FakeSweep(confirmed_spec()).search(OUTCOMES)
    report = report_data(sweep)
    inputs = importance_inputs(report, 1)
    ended = [record for record in report.search_records_of(1) if record.end]
    records = [record for record in ended if record.end and record.end.outcome != Outcome.FAILED]
    assert len(inputs) == len(records) == 12
    worst = min(score for _, score in inputs)
    unhealthy = [
        score
        for (_, score), record in zip(inputs, records, strict=True)
        if record.end and not record.end.outcome.is_healthy
    ]
    assert unhealthy == [worst, worst]
    for values, _ in inputs:
        domain, value = values["tau"]
        assert domain.contains(value)
    assert "tau" not in importance_inputs(report, 0)[0][0]


def test_alpha_tau_figures_are_of_systems_in_which_both_vary(finished: ReportData) -> None:
    (figure,) = build_alpha_tau(finished)
    assert figure.title == "lcl"
    assert len(figure.points) == 13
    assert (figure.tau_range, figure.alpha_range) == ((0.05, 1000), (0.1, 0.9))
    assert {point.outcome for point in figure.points if point.score is None} == {Outcome.DIVERGED, Outcome.FAILED}


def test_an_axis_has_no_value_for_trials_with_an_inactive_hyperparameter(finished: ReportData) -> None:
    figure = build_parallel(finished)
    axes = {axis.name: axis for axis in figure.axes}
    assert list(axes) == ["system", "batch_size", "alpha", "normalize", "tau", "outcome"]
    assert axes["batch_size"].choices == [4, 8]
    assert axes["tau"].is_log
    assert axes["tau"].values.count(None) == 13
    assert not any(record.trial.source_trial for record in finished.search_records)


def test_curves_end_where_trials_did_and_have_the_rungs(finished: ReportData) -> None:
    ce = build_learning_curves(finished)[0]
    assert ce.rungs == [1, 2]
    assert {len(curve.epochs) for curve in ce.curves if curve.outcome == Outcome.STOPPED_EARLY} == {2}
    assert all(len(curve.epochs) == 4 for curve in ce.curves if curve.is_confirmation)


def test_a_validation_without_a_score_is_not_a_point_of_a_curve() -> None:
    sweep = FakeSweep(confirmed_spec(trials=2)).search([Outcome.COMPLETED])
    first = sweep.records[0]
    unscored = replace(first.reports[0], metrics={"train/loss": 1.0})
    sweep.records[0] = replace(first, reports=(unscored, *first.reports[1:]))
    assert build_learning_curves(report_data(sweep))[0].curves[0].epochs == [2, 3, 4]


def test_saved_epochs_are_those_that_stopped_trials_did_not_run(finished: ReportData) -> None:
    short = [record for record in finished.search_records_of(0) if len(record.reports) == 2]
    stopped = [record for record in short if record.outcome == Outcome.STOPPED_EARLY]
    assert count_saved_epochs(finished, 0) == 2 * len(stopped) > 0
