"""Confirmation over a real record: who is trained again, which setting wins, who sees the test split, and when."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SweeperError
from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol import confirmation, sweep
from sweeper.protocol.results import build_results
from sweeper.protocol.stages import ConfirmationStage, TestStage
from sweeper.protocol.sweep import StageJobs
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import create_sweep
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, TrainingData, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import (
    RecordingTracker,
    data_with_test,
    report,
    scoring_trainer,
    scripted_jobs,
    scripted_trainer,
)
from tests.support.search_spaces import small_spec

SEARCH = {"batch_size": {"int": [1, 64]}, "alpha": {"uniform": [0.1, 0.9]}}


def spec(tau: float = 1, **changes: Any) -> SweepSpec:
    given = {"search": SEARCH, "training": {"epochs": 3, "tau": float(tau)}, "asha": "off", "confirm": {"seeds": 2}}
    return small_spec(**{**given, "compare": {"encoder": ["m"], "loss": ["lcl"]}, "budget": {"trials": 3}, **changes})


def study(spec: SweepSpec, folder: Path) -> "closing[OptunaStudy]":
    return closing(OptunaStudy(spec, folder / "journal", threads=1))


def run(spec: SweepSpec, folder: Path, stages: StageJobs | None = None) -> list[TrialRecord]:
    with study(spec, folder) as record:
        assert sweep.run_protocol(
            spec, record, InlineRunner(1, 0), [], stages or scripted_jobs(folder), TrialResources(1, 0, 1)
        )
        return list(record.all_trials())


def confirming(recorded: list[TrialRecord]) -> list[TrialRecord]:
    return [one for one in recorded if one.trial.source_trial]


def test_the_best_setting_of_each_system_is_trained_again_with_fresh_seeds(tmp_path: Path) -> None:
    asked = spec(compare={"encoder": ["m"], "loss": ["scl", "lcl"]}, budget={"trials": 6})
    recorded = run(asked, tmp_path)
    searched = recorded[:6]
    for system in (0, 1):
        best = max((one for one in searched if one.trial.system == system), key=lambda one: one.trial.params["alpha"])
        again = [one for one in confirming(recorded) if one.trial.system == system]
        assert [(one.trial.source_trial, one.trial.seed_index) for one in again] == [
            (best.trial.number, k) for k in (1, 2)
        ]
        assert all(one.trial.params == best.trial.params for one in again)
        assert len(again[0].reports) == best.trial.config.epochs
    assert len({one.trial.config.seed for one in recorded}) == len(recorded) == 10


def test_the_budget_counts_the_search_alone_and_the_sampler_does_not_hear_of_confirmation(tmp_path: Path) -> None:
    run(spec(), tmp_path / "with")
    run(spec(confirm={"seeds": 0}), tmp_path / "without")
    grown = {"trials": 5}
    confirmed = run(spec(budget=grown), tmp_path / "with")
    alone = run(spec(budget=grown, confirm={"seeds": 0}), tmp_path / "without")
    assert len(alone) == 5
    searched = [one.trial.params for one in confirmed if not one.trial.source_trial]
    assert searched == [one.trial.params for one in alone]


def test_with_a_larger_top_the_mean_over_fresh_seeds_decides(tmp_path: Path) -> None:
    def lucky(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
        yield report(1, 1 - config.alpha)  # what was best in the search is worst afterwards

    stages = scripted_jobs(tmp_path)
    stages = replace(stages, confirm=replace(stages.confirm, train=lucky))
    recorded = run(spec(confirm={"seeds": 2, "top": 2}), tmp_path, stages)
    alphas = sorted((float(one.trial.params["alpha"]) for one in recorded[:3]), reverse=True)
    assert {one.trial.params["alpha"] for one in confirming(recorded)} == set(alphas[:2])
    assert {one.trial.params["alpha"] for one in recorded if one.test} == {alphas[1]}


def test_only_the_winners_models_see_the_test_split_once_for_each_seed(tmp_path: Path) -> None:
    kept: list[tuple[Trial, ModelScores]] = []
    asked = spec(confirm={"seeds": 3, "top": 2})
    recorded = run(asked, tmp_path, scripted_jobs(tmp_path, kept))
    tested = [one for one in recorded if one.test is not None]
    assert [one.trial.number for one in tested] == [trial.number for trial, _ in kept]
    assert len(tested) == 3
    with study(asked, tmp_path) as record:
        test_accesses = record.test_accesses()
    assert [(test_access.trial, test_access.seed) for test_access in test_accesses] == [
        (one.trial.number, one.trial.config.seed) for one in tested
    ]
    assert all(test_access.at < one.test.at for test_access, one in zip(test_accesses, tested, strict=True) if one.test)
    run(asked, tmp_path, scripted_jobs(tmp_path, kept))
    assert len(kept) == 3  # a finished sweep looks no more


def test_the_test_split_is_not_made_before_everything_is_decided(tmp_path: Path) -> None:
    asked = spec(confirm={"seeds": 2, "top": 2})
    record = OptunaStudy(asked, tmp_path / "journal", threads=1)
    stages = scripted_jobs(tmp_path)

    def score() -> TrainingJob:
        found = record.all_trials()
        assert len(confirming(list(found))) == 4
        assert all(one.end is not None for one in found)
        assert not record.test_accesses()
        return stages.make_test_job()

    def without_test(
        config: TrainConfig, data: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport, None, None]:
        assert "test" not in data.splits
        return scripted_trainer(config, data, saved)

    job = replace(stages.search, train=without_test)
    with closing(record):
        planted = StageJobs(job, job, score, stages.save_scores)
        assert sweep.run_protocol(asked, record, InlineRunner(1, 0), [], planted, TrialResources(1, 0, 1))
        assert len(record.test_accesses()) == 2


def test_without_a_test_split_models_are_scored_and_no_test_access_is_recorded(tmp_path: Path) -> None:
    def no_figures(
        config: TrainConfig, data: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport, None, None]:
        for found in scoring_trainer(config, data, saved):
            yield replace(found, metrics={})

    stages = scripted_jobs(tmp_path)
    without = replace(stages, make_test_job=lambda: replace(stages.search, train=no_figures))
    asked = spec()
    recorded = run(asked, tmp_path, without)
    folder = create_sweep(tmp_path / "sweeps", asked, {"rows": "x"}, 1)
    with study(asked, tmp_path) as record:
        assert record.test_accesses() == []
        (result,) = build_results(asked, folder, recorded, record.test_accesses()).confirmations
    assert [seed.test for seed in result.seeds] == [None, None]


def test_an_unchanged_winner_is_reused_when_the_budget_grows_and_a_new_one_gets_the_same_seeds(tmp_path: Path) -> None:
    first = confirming(run(spec(), tmp_path))
    best = max(float(one.trial.params["alpha"]) for one in run(spec(), tmp_path)[:3])
    for trials in range(4, 20):
        asked = spec(budget={"trials": trials})
        recorded = run(asked, tmp_path)
        found = max(float(one.trial.params["alpha"]) for one in recorded if not one.trial.source_trial)
        if found == best:
            assert len(confirming(recorded)) == 2
            continue
        new = confirming(recorded)[2:]
        assert {one.trial.params["alpha"] for one in new} == {found}
        assert [one.trial.config.seed for one in new] == [one.trial.config.seed for one in first]
        folder = create_sweep(tmp_path / "sweeps", asked, {"rows": "x"}, 1)
        assert build_results(asked, folder, recorded).confirmations[0].tested_settings == 2
        return
    pytest.fail("no better setting was found in 16 trials")


def test_more_seeds_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    run(spec(), tmp_path)
    recorded = confirming(run(spec(confirm={"seeds": 4}), tmp_path))
    assert [one.trial.seed_index for one in recorded] == [1, 2, 3, 4]
    assert all(one.test is not None for one in recorded)


def test_a_confirmation_that_was_cut_off_goes_on_under_its_number(tmp_path: Path) -> None:
    asked = spec()
    run(spec(confirm={"seeds": 0}), tmp_path)
    with study(asked, tmp_path) as record:
        stage = ConfirmationStage(asked, record, [])
        cut, other = stage.next_trial(), stage.next_trial()
        assert cut is not None
        assert other is not None
        stage.report(cut, report(1, 0.5))
    with study(asked, tmp_path) as record:
        stage = ConfirmationStage(asked, record, [])
        again = stage.next_trial()
        assert again == replace(cut, attempt=2)
        assert stage.next_trial() == replace(other, attempt=2)
        assert stage.next_trial() is None
        assert record.get(cut).reports[0].metrics == report(1, 0.5).metrics


def test_a_seed_that_fails_leaves_its_system_incomplete_and_is_not_replaced(tmp_path: Path) -> None:
    asked = spec()
    run(spec(confirm={"seeds": 0}), tmp_path)
    with study(asked, tmp_path) as record:
        stage = ConfirmationStage(asked, record, [])
        for outcome in (Outcome.DIVERGED, Outcome.COMPLETED):
            trial = stage.next_trial()
            assert trial is not None
            stage.report(trial, report(1, 0.5))
            stage.trial_ended(trial, TrialEnd(outcome, "why"))
        recorded = record.all_trials()
        assert [trial.seed_index for trial in confirmation.trials_to_score(asked, recorded)] == [2]
    folder = create_sweep(tmp_path / "sweeps", asked, {"rows": "x"}, 1)
    (result,) = build_results(asked, folder, recorded).confirmations
    assert [(seed.outcome, seed.test) for seed in result.seeds] == [
        ("diverged", None),
        ("completed", None),
    ]


def test_a_system_where_nothing_completed_has_nothing_to_confirm(tmp_path: Path) -> None:
    recorded = run(spec(tau=2), tmp_path)  # every trial diverges
    assert confirming(recorded) == []
    folder = create_sweep(tmp_path / "sweeps", spec(tau=2), {"rows": "x"}, 1)
    assert build_results(spec(tau=2), folder, recorded).systems[0].confirmation is None
    assert confirmation.best_model_trial(spec(tau=2), recorded) is None


def test_a_model_that_cannot_be_scored_is_an_error_and_the_same_command_tries_again(tmp_path: Path) -> None:
    def broken(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        raise ValueError("no room")
        yield

    stages = scripted_jobs(tmp_path)
    failing = replace(stages, make_test_job=lambda: TrainingJob(broken, {"m": data_with_test()}, tmp_path))
    with pytest.raises(SweeperError, match=r"trial 4: its model could not be scored \(ValueError: no room"):
        run(spec(), tmp_path, failing)
    recorded = run(spec(), tmp_path)
    assert all(one.test is not None for one in confirming(recorded))
    with study(spec(), tmp_path) as record:
        assert len(record.test_accesses()) == 4  # the looks that came to nothing count as well


def test_what_a_model_answered_is_kept_before_its_score_is_on_record(tmp_path: Path) -> None:
    def keep(trial: Trial, _: ModelScores) -> None:
        kept.append(trial.number)
        raise OSError("the disk is full")

    kept: list[int] = []
    run(spec(confirm={"seeds": 0}), tmp_path)
    with study(spec(), tmp_path) as record:
        stage = ConfirmationStage(spec(), record, [])
        while trial := stage.next_trial():
            stage.report(trial, report(1, 0.5))
            stage.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
        todo = confirmation.trials_to_score(spec(), record.all_trials())
        scoring = TestStage(spec(), record, [], todo, True, keep)
        trial = scoring.next_trial()
        assert trial is not None
        with pytest.raises(OSError, match="full"):
            scoring.report(trial, next(iter(scoring_trainer(trial.config, data_with_test(), None))))
        assert kept == [trial.number]
        assert record.get(trial).test is None


def test_results_say_how_optimistic_the_search_was(tmp_path: Path) -> None:
    def worse(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
        yield report(1, config.alpha - (0.02 if config.seed % 2 else 0.04))

    asked, stages = spec(), scripted_jobs(tmp_path)
    recorded = run(asked, tmp_path, replace(stages, confirm=replace(stages.confirm, train=worse)))
    folder = create_sweep(tmp_path / "sweeps", asked, {"rows": "x"}, 1)
    (result,) = build_results(asked, folder, recorded).confirmations
    best = max(float(one.trial.params["alpha"]) for one in recorded[:3])
    mean = sum(float(seed.metrics["validation/accuracy"]) for seed in result.seeds) / 2
    assert result.search_mean == best
    assert result.mean == pytest.approx(mean)
    assert result.optimism == pytest.approx(best - mean)
    assert (result.seeds[0].test or {})["test/accuracy"] == pytest.approx(best - 0.01)


def test_the_models_that_are_kept_is_the_best_seeds_of_the_best_system_by_validation(tmp_path: Path) -> None:
    def seeded(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
        yield report(1, config.alpha + (config.seed % 100) / 10_000)

    asked = spec(compare={"encoder": ["m"], "loss": ["scl", "lcl"]}, budget={"trials": 6}, confirm={"seeds": 3})
    stages = scripted_jobs(tmp_path)
    recorded = run(asked, tmp_path, replace(stages, confirm=replace(stages.confirm, train=seeded)))
    found = confirmation.best_model_trial(asked, recorded)
    best = max(float(one.trial.params["alpha"]) for one in confirming(recorded))
    of_best = [one for one in confirming(recorded) if one.trial.params["alpha"] == best]
    assert found == max(of_best, key=lambda one: one.reports[0].metrics["validation/accuracy"])


def test_trackers_hear_of_confirmed_trials_and_of_their_scores(tmp_path: Path) -> None:
    watching = RecordingTracker()
    with study(spec(), tmp_path) as record:
        sweep.run_protocol(
            spec(), record, InlineRunner(1, 0), [watching], scripted_jobs(tmp_path), TrialResources(1, 0, 1)
        )
        assert watching.states == {one.trial.number: one for one in record.all_trials()}
    assert watching.states[5].test is not None


def test_a_confirmation_that_was_cut_off_ends_though_something_better_was_found_meanwhile(tmp_path: Path) -> None:
    run(spec(confirm={"seeds": 0}), tmp_path)
    with study(spec(), tmp_path) as record:
        cut = ConfirmationStage(spec(), record, []).next_trial()
        assert cut is not None
    best = float(cut.params["alpha"])
    for trials in range(4, 20):
        found = run(spec(budget={"trials": trials}, confirm={"seeds": 0}), tmp_path)
        if max(float(one.trial.params["alpha"]) for one in found if not one.trial.source_trial) > best:
            break
    recorded = run(spec(budget={"trials": trials}), tmp_path)
    assert all(one.end is not None for one in recorded)
    assert {one.trial.params["alpha"] for one in recorded if one.test} == {
        max(float(one.trial.params["alpha"]) for one in recorded)
    }
