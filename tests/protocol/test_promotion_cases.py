"""Promotion beside everything else that a search can do: collapses, clones, failures, two phases, short trials."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from sweeper.protocol.promotion import count_promotions, promoted_shares
from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.stage import ignore
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.requests import CloneRequest
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd, TrialRecord
from tests.support.fakes import report
from tests.support.pausing_searches import begin, ends, pausing_spec, searching, wait_with

BROKEN = TrialEnd(Outcome.FAILED, "ValueError: x", '  File "a.py", line 1, in f\nValueError: x')


def train_each(study: OptunaStudy, stage: SearchStage, values: Sequence[float], silent: int = 0) -> None:
    """Train trial after trial to where it waits or ends. Trial k has value k at all validations but the silent ones."""
    while not stage.is_exhausted():
        trial = begin(stage)
        for step in range(len(study.get(trial).reports) + 1, trial.config.num_validations + 1):
            scored = report(step, values[trial.number - 1])
            if not stage.report(trial, scored if step > silent else ValidationReport(step, float(step), {"x": 1.0})):
                break
        else:
            stage.trial_ended(trial, TrialEnd(Outcome.COMPLETED))


def test_a_rung_without_scores_keeps_no_trial_from_the_next_one(tmp_path: Path) -> None:
    training = {"epochs": 10, "contrastive_epochs": 2, "tau": 1.0}
    compare, search = {"encoder": ["m"], "loss": ["scl_two_phase"]}, {"batch_size": {"int": [2, 64]}}
    spec = pausing_spec(12, 3, compare=compare, training=training, search=search)
    assert spec.rungs[:2] == (1, 3)
    with searching(spec, tmp_path / "journal") as (study, stage):
        train_each(study, stage, [0.9 - k / 100 for k in range(12)], silent=2)
        lengths = [len(record.reports) for record in study.all_trials()]
    assert sum(length > 3 for length in lengths) == 4  # of twelve at the first rung with scores
    assert max(lengths) == 12


def test_a_trial_whose_last_validation_is_a_rung_takes_no_place_there(tmp_path: Path) -> None:
    spec = pausing_spec(3, 3, search={"epochs": [3, 9]}, training={"tau": 1.0}, sampler="grid", budget={"trials": 2})
    with searching(spec, tmp_path / "journal") as (study, stage):
        train_each(study, stage, [0.8, 0.7])
        records = study.all_trials()
    assert sorted(record.trial.config.epochs for record in records) == [3, 9]
    best = max(records, key=lambda record: record.reports[0].metrics["validation/accuracy"])
    assert best.end is not None
    assert best.end.outcome == Outcome.COMPLETED
    assert len(best.reports) == best.trial.config.epochs


def test_a_collapse_that_a_killed_driver_did_not_record_is_recorded_by_the_next(tmp_path: Path) -> None:
    spec, counts = pausing_spec(6, 3, 9), {"a": 90, "b": 10}
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        stage = SearchStage(spec, study, [])  # without counts, no trial is taken for collapsed
        for waiting in [begin(stage) for _ in range(6)]:
            stage.report(waiting, report(1, 0.1, classes=1))
        trial = begin(stage)
        for step in (2, 3):
            stage.report(trial, report(step, 0.1, classes=1))
        assert stage.promotion.find_waiting(trial.number)
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        stage = SearchStage(spec, study, [], ignore, counts)
        assert (end := study.get(trial).end) is not None
        assert end.outcome == Outcome.COLLAPSED
        assert not stage.promotion.find_waiting(trial.number)


def test_failures_beyond_a_rung_end_the_search_as_early_as_others(tmp_path: Path) -> None:
    with searching(pausing_spec(12, 3, 9, fail_fast_after=3), tmp_path / "journal") as (study, stage):
        while not stage.is_exhausted():
            trial = begin(stage)
            if study.get(trial).reports:
                stage.trial_ended(trial, BROKEN)
            else:
                stage.report(trial, report(1, 0.5))
        assert stage.all_failed
        assert [it.end.outcome for it in study.all_trials() if it.end] == [Outcome.FAILED] * 3


def test_failures_before_a_rung_end_no_search_in_which_others_came_further(tmp_path: Path) -> None:
    with searching(pausing_spec(12, 3, 9, fail_fast_after=3), tmp_path / "journal") as (_, stage):
        wait_with(stage, 0.5)
        for _ in range(3):
            stage.trial_ended(begin(stage), BROKEN)
        assert not stage.all_failed
        assert not stage.is_exhausted()


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_clone_that_has_not_started_keeps_the_next_best_waiting(tmp_path: Path, is_killed: bool) -> None:
    spec, path = pausing_spec(3, 3, 3), tmp_path / "journal"
    with searching(spec, path) as (study, stage):
        first, *_ = wait_with(stage, 0.7, 0.6, 0.5)
        promoted = begin(stage)
        for step in (2, 3):
            stage.report(promoted, report(step, 0.7))
        stage.requests = lambda: [CloneRequest(3, first.params)]
        stage.take_requests()
        if not is_killed:
            stage.trial_ended(promoted, TrialEnd(Outcome.COMPLETED))
            assert study.all_trials()[1].end is None
    with searching(spec, path) as (study, stage):
        if is_killed:
            again = {trial.number: trial for trial in (begin(stage), begin(stage))}
            stage.trial_ended(again[1], TrialEnd(Outcome.COMPLETED))
        assert study.all_trials()[1].end is None


def test_the_last_that_wait_end_with_a_rank_that_does_not_continue(tmp_path: Path) -> None:
    for factor, trials in ((2, 8), (3, 12), (3, 5)):
        path = tmp_path / f"{factor}-{trials}"
        with searching(pausing_spec(trials, factor, 9), path) as (study, stage):
            train_each(study, stage, [(7 * k % trials) / 20 for k in range(trials)])
            reasons = ends(study).values()
        stopped = [reason.split() for reason in reasons if "rank" in reason]
        assert len(stopped) >= trials // 2
        for words in stopped:
            rank, best = int(words[words.index("rank") + 1].strip(",")), words[words.index("best") + 1]
            assert rank > (1 if best == "of" else int(best))


def records_that_wait(spec: SweepSpec, path: Path) -> list[TrialRecord]:
    with searching(spec, path) as (study, stage):
        wait_with(stage, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
        promoted = begin(stage)
        stage.report(promoted, report(2, 0.6))
        return list(study.all_trials())


def test_the_share_that_is_promoted_counts_places_that_are_left(tmp_path: Path) -> None:
    spec = pausing_spec(12, 3, 9)
    records = records_that_wait(spec, tmp_path / "journal")
    assert promoted_shares(spec, records) == {1: pytest.approx((6 / 3 - 1) / 4)}  # one was stopped
    assert promoted_shares(spec, []) == {}
    assert [count_promotions(spec, record) for record in records] == [0, 0, 0, 0, 0, 1]
