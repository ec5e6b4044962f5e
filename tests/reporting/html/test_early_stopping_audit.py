"""The audit of early stopping counts the stopped trials that the completed ones show to be promising."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sweeper.reporting.html.early_stopping_audit import Audit, audit_early_stopping
from sweeper.reporting.html.learning_curves import count_saved_epochs
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd, TrialRecord, stopped_by_user
from tests.reporting.html.helpers import confirmed_spec, page_text, report_data
from tests.support.fake_sweeps import FakeSweep


def with_scores(record: TrialRecord, scores: list[float], silent: int = 0) -> TrialRecord:
    """Return a record with these validations, after `silent` ones without a score, as in a contrastive phase."""
    metrics = [*[{"validation/loss": 1.0}] * silent, *({"validation/accuracy": score} for score in scores)]
    reports = [ValidationReport(k, float(k), measured) for k, measured in enumerate(metrics, 1)]
    return replace(record, reports=tuple(reports), report_times=tuple(range(len(reports))))


@pytest.mark.parametrize("silent", [0, 3])
@pytest.mark.parametrize(("stopped_at", "expected"), [(0.45, 1.0), (0.1, 0.0)])
def test_a_stopped_trial_would_have_won_if_the_usual_gain_puts_it_first(
    stopped_at: float, expected: float, silent: int
) -> None:
    sweep = FakeSweep(confirmed_spec(trials=10)).search([*[Outcome.COMPLETED] * 4, Outcome.STOPPED_EARLY])
    stopped = next(record for record in sweep.records if record.end and record.end.outcome == Outcome.STOPPED_EARLY)
    curves = [
        with_scores(record, [0.3, 0.5], silent)
        for record in sweep.records
        if record.end and record.end.outcome == Outcome.COMPLETED
    ]
    sweep.records = [*curves, with_scores(stopped, [stopped_at], silent)]
    audit = audit_early_stopping(report_data(sweep))
    assert isinstance(audit, Audit)
    assert (audit.stopped, audit.completed) == (1, 8)
    assert (audit.expected, audit.low, audit.high, audit.at_least_one) == (expected,) * 4


@pytest.mark.parametrize(("gains", "low", "high"), [([0.2, 0, 0], 0, 9), ([0.2, 0.2, 0], 1, 10)])
def test_the_interval_holds_the_chance_of_a_gain_and_that_of_few_curves(
    gains: list[float], low: float, high: float
) -> None:
    """Ten stopped trials need a gain that some of three curves have.

    With p the share of these curves among three drawn with replacement, so many wins have the probability of a
    binomial distribution of 10 and p.
    """
    sweep = FakeSweep(confirmed_spec(trials=26)).search([*[Outcome.COMPLETED] * 3, *[Outcome.STOPPED_EARLY] * 10])
    own = [record for record in sweep.records if record.trial.system == 0]
    curves = [with_scores(record, [0.5 - gain, 0.5]) for record, gain in zip(own, gains, strict=False)]
    sweep.records = [*curves, *(with_scores(record, [0.35]) for record in own[3:])]
    audit = audit_early_stopping(report_data(sweep))
    assert isinstance(audit, Audit)
    assert (audit.stopped, audit.completed) == (10, 3)
    share = sum(map(bool, gains)) / 3
    drawn = stats.binom(3, share)
    wins = sum(drawn.pmf(k) * stats.binom(10, k / 3).pmf(np.arange(11)) for k in range(4))
    assert [int(np.searchsorted(np.cumsum(wins), quantile)) for quantile in (0.05, 0.95)] == [low, high]
    assert (audit.low, audit.high) == (low, high)
    assert audit.expected == pytest.approx(10 * share, abs=0.3)
    assert audit.at_least_one == pytest.approx(1 - wins[0], abs=0.04)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.COMPLETED, "early stopping stopped no trial"),
        (Outcome.STOPPED_EARLY, "fewer than 3 trials completed"),
    ],
)
def test_without_stopped_or_completed_trials_there_is_no_audit(outcome: Outcome, reason: str) -> None:
    assert audit_early_stopping(report_data(FakeSweep(confirmed_spec(trials=6)).search([outcome]))) == reason


def sweep_with_stopped_systems(*stopped_systems: int) -> FakeSweep:
    """Return a sweep of two systems with ten trials each: all stopped in these systems, one in another."""
    sweep = FakeSweep(confirmed_spec(trials=20)).search([*[Outcome.COMPLETED] * 9, Outcome.STOPPED_EARLY])
    sweep.records = [
        with_scores(replace(record, end=TrialEnd(Outcome.STOPPED_EARLY)), [0.3])
        if record.trial.system in stopped_systems
        else record
        for record in sweep.records
    ]
    return sweep


def test_stopped_trials_without_a_completed_one_in_their_system_are_left_out_in_words() -> None:
    text = page_text(report_data(sweep_with_stopped_systems(1)), "stopping")
    assert "stopped 11 of 20 trials" in text
    assert (
        "The probability that the one stopped trial with a score and a completed trial in the same system would have "
        "beaten the best trial of its system is "
    ) in text
    assert "It is given the further gains of the 9 completed trials, drawn at random." in text
    assert "more than the stopped one would have" in text


def test_several_stopped_trials_have_an_interval() -> None:
    text = page_text(report_data(sweep_with_stopped_systems()), "stopping")
    assert "Of the 2 stopped trials, an estimated " in text
    assert "would have beaten the best trial of their system; the probability that at least one would have is " in text
    assert "more than the stopped ones would have" in text


def test_the_reason_why_nothing_can_be_estimated_is_true() -> None:
    text = page_text(report_data(sweep_with_stopped_systems(0, 1)), "stopping")
    assert "cannot be estimated: fewer than 3 trials completed." in text
    sweep = sweep_with_stopped_systems(1)
    sweep.records = [
        record
        for record in sweep.records
        if record.trial.system or (record.end and record.end.outcome == Outcome.COMPLETED)
    ]
    text = page_text(report_data(sweep), "stopping")
    assert "cannot be estimated: no stopped trial has both a score and a completed trial in its system." in text


def test_trials_that_the_user_stopped_are_no_decisions_of_early_stopping() -> None:
    sweep = FakeSweep(confirmed_spec(trials=10)).search([*[Outcome.COMPLETED] * 4, Outcome.STOPPED_EARLY])
    ends = {Outcome.STOPPED_EARLY: stopped_by_user(2)}
    saved = count_saved_epochs(report_data(sweep), 0)
    sweep.records = [
        replace(
            record, end=ends.get(record.end.outcome, record.end) if record.end and record.trial.system else record.end
        )
        for record in sweep.records
    ]
    report = report_data(sweep)
    assert saved == count_saved_epochs(report, 0) > count_saved_epochs(report, 1) == 0
    audit = audit_early_stopping(report)
    assert isinstance(audit, Audit)
    assert audit.stopped == 1
    text = page_text(report, "stopping")
    assert "stopped 1 of 10 trials" in text
    assert "The user stopped 1 trial, which is not counted here." in text
    sweep.records = [
        replace(record, end=stopped_by_user(2)) if record.end == TrialEnd(Outcome.STOPPED_EARLY) else record
        for record in sweep.records
    ]
    text = page_text(report_data(sweep), "stopping")
    assert "Early stopping stopped no trial. The user stopped 2 trials, which are not counted here." in text


def test_the_trials_of_each_bracket_are_counted_apart() -> None:
    rule = {"hyperband": {"grace_epochs": 1, "reduction_factor": 2}}
    sweep = FakeSweep(confirmed_spec(trials=12, early_stopping=rule)).search([Outcome.COMPLETED])
    first = [record for record in sweep.records if record.trial.bracket == 1]
    end = TrialEnd(Outcome.STOPPED_EARLY, "stopped after epoch 1")
    sweep.records = [replace(record, end=end) if record in first[1:] else record for record in sweep.records]
    text = page_text(report_data(sweep), "stopping")
    assert f"bracket 1, which decides from epoch 1 on, stopped {len(first) - 1} of {len(first)} trials" in text
    assert "bracket 2, which decides from epoch 2 on, stopped 0 of " in text
    assert "bracket 3, which decides at no time, stopped 0 of " in text
    assert "Those of a bracket that decides survived early stopping" in text
