"""Confirmation on a real record: retrained settings, the winner, and the models that see the test split."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SweeperError, SweepFailedError
from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol import confirmation, sweep
from sweeper.protocol.results import build_results
from sweeper.protocol.stages import ConfirmationStage, TestStage
from sweeper.protocol.sweep import StageJobs
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.new_sweep import create_sweep
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
from tests.support.studies import open_study

SEARCH = {"batch_size": {"int": [2, 64]}, "alpha": {"uniform": [0.1, 0.9]}}


def spec(tau: float = 1, **changes: Any) -> SweepSpec:
    given = {"search": SEARCH, "training": {"epochs": 3, "tau": float(tau)}, "asha": "off", "confirm": {"seeds": 2}}
    return small_spec(**{**given, "compare": {"encoder": ["m"], "loss": ["lcl"]}, "budget": {"trials": 3}, **changes})


def run(spec: SweepSpec, folder: Path, stages: StageJobs | None = None) -> list[TrialRecord]:
    with open_study(spec, folder) as study:
        sweep.run_protocol(
            spec, study, InlineRunner(1, 0), [], stages or scripted_jobs(folder), TrialResources(1, 0, 1)
        )
        return list(study.all_trials())


def confirming(records: list[TrialRecord]) -> list[TrialRecord]:
    return [record for record in records if record.trial.source_trial]


def test_best_setting_of_each_system_is_retrained_with_fresh_seeds(tmp_path: Path) -> None:
    sweep_spec = spec(compare={"encoder": ["m"], "loss": ["scl", "lcl"]}, budget={"trials": 6})
    records = run(sweep_spec, tmp_path)
    searched = records[:6]
    for system in (0, 1):
        best = max(
            (record for record in searched if record.trial.system == system),
            key=lambda record: record.trial.params["alpha"],
        )
        resumed = [record for record in confirming(records) if record.trial.system == system]
        assert [(record.trial.source_trial, record.trial.seed_index) for record in resumed] == [
            (best.trial.number, k) for k in (1, 2)
        ]
        assert all(record.trial.params == best.trial.params for record in resumed)
        assert len(resumed[0].reports) == best.trial.config.epochs
    assert len({record.trial.config.seed for record in records}) == len(records) == 10


def test_confirmation_uses_no_budget_and_does_not_influence_the_sampler(tmp_path: Path) -> None:
    run(spec(), tmp_path / "with")
    run(spec(confirm={"seeds": 0}), tmp_path / "without")
    grown = {"trials": 5}
    confirmed = run(spec(budget=grown), tmp_path / "with")
    alone = run(spec(budget=grown, confirm={"seeds": 0}), tmp_path / "without")
    assert len(alone) == 5
    searched = [record.trial.params for record in confirmed if record.trial.is_of_search]
    assert searched == [record.trial.params for record in alone]


def test_mean_over_fresh_seeds_chooses_among_several_confirmed_settings(tmp_path: Path) -> None:
    def lucky(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
        yield report(1, 1 - config.alpha)  # the best setting of the search is now the worst

    stages = scripted_jobs(tmp_path)
    stages = replace(stages, confirm=replace(stages.confirm, train=lucky))
    records = run(spec(confirm={"seeds": 2, "top": 2}), tmp_path, stages)
    alphas = sorted((float(record.trial.params["alpha"]) for record in records[:3]), reverse=True)
    assert {record.trial.params["alpha"] for record in confirming(records)} == set(alphas[:2])
    assert {record.trial.params["alpha"] for record in records if record.test} == {alphas[1]}


def test_only_models_of_the_winner_are_scored_on_the_test_split_once_per_seed(tmp_path: Path) -> None:
    scores: list[tuple[Trial, ModelScores]] = []
    sweep_spec = spec(confirm={"seeds": 3, "top": 2})
    records = run(sweep_spec, tmp_path, scripted_jobs(tmp_path, scores))
    tested = [record for record in records if record.test is not None]
    assert [record.trial.number for record in tested] == [trial.number for trial, _ in scores]
    assert len(tested) == 3
    with open_study(sweep_spec, tmp_path) as study:
        test_accesses = study.test_accesses()
    assert [(test_access.trial, test_access.seed) for test_access in test_accesses] == [
        (record.trial.number, record.trial.config.seed) for record in tested
    ]
    assert all(
        test_access.at < record.test.at
        for test_access, record in zip(test_accesses, tested, strict=True)
        if record.test
    )
    run(sweep_spec, tmp_path, scripted_jobs(tmp_path, scores))
    assert len(scores) == 3  # a finished sweep does not access the test split again


def test_test_split_is_not_loaded_before_everything_is_decided(tmp_path: Path) -> None:
    sweep_spec = spec(confirm={"seeds": 2, "top": 2})
    study = OptunaStudy(sweep_spec, tmp_path / "journal", threads=1)
    stages = scripted_jobs(tmp_path)

    def score() -> TrainingJob:
        records = study.all_trials()
        assert len(confirming(list(records))) == 4
        assert all(record.end is not None for record in records)
        assert not study.test_accesses()
        return stages.make_test_job()

    def without_test(
        config: TrainConfig, data: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport, None, None]:
        assert "test" not in data.splits
        return scripted_trainer(config, data, saved)

    job = replace(stages.search, train=without_test)
    with closing(study):
        planted = StageJobs(job, job, score, stages.save_scores)
        sweep.run_protocol(sweep_spec, study, InlineRunner(1, 0), [], planted, TrialResources(1, 0, 1))
        assert len(study.test_accesses()) == 2


def test_no_test_access_is_recorded_without_a_test_split(tmp_path: Path) -> None:
    def without_metrics(
        config: TrainConfig, data: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport, None, None]:
        for score in scoring_trainer(config, data, saved):
            yield replace(score, metrics={})

    stages = scripted_jobs(tmp_path)
    without = replace(stages, make_test_job=lambda: replace(stages.search, train=without_metrics))
    sweep_spec = spec()
    records = run(sweep_spec, tmp_path, without)
    folder = create_sweep(tmp_path / "sweeps", sweep_spec, {"rows": "x"}, 1)
    with open_study(sweep_spec, tmp_path) as study:
        assert study.test_accesses() == []
        (result,) = build_results(sweep_spec, folder, records, study.test_accesses()).confirmations
    assert [seed.test for seed in result.seeds] == [None, None]


def test_larger_budget_reuses_an_unchanged_winner_and_gives_a_new_one_the_same_seeds(tmp_path: Path) -> None:
    first = confirming(run(spec(), tmp_path))
    best = max(float(record.trial.params["alpha"]) for record in run(spec(), tmp_path)[:3])
    for trials in range(4, 20):
        sweep_spec = spec(budget={"trials": trials})
        records = run(sweep_spec, tmp_path)
        best_now = max(float(record.trial.params["alpha"]) for record in records if record.trial.is_of_search)
        if best_now == best:
            assert len(confirming(records)) == 2
            continue
        new = confirming(records)[2:]
        assert {record.trial.params["alpha"] for record in new} == {best_now}
        assert [record.trial.config.seed for record in new] == [record.trial.config.seed for record in first]
        folder = create_sweep(tmp_path / "sweeps", sweep_spec, {"rows": "x"}, 1)
        assert build_results(sweep_spec, folder, records).confirmations[0].tested_settings == 2
        return
    pytest.fail("no better setting was found in 16 trials")


def test_further_seeds_are_added_to_the_existing_ones(tmp_path: Path) -> None:
    run(spec(), tmp_path)
    records = confirming(run(spec(confirm={"seeds": 4}), tmp_path))
    assert [record.trial.seed_index for record in records] == [1, 2, 3, 4]
    assert all(record.test is not None for record in records)


def test_interrupted_confirmation_continues_under_its_number(tmp_path: Path) -> None:
    sweep_spec = spec()
    run(spec(confirm={"seeds": 0}), tmp_path)
    with open_study(sweep_spec, tmp_path) as study:
        stage = ConfirmationStage(sweep_spec, study, [])
        interrupted, other = stage.next_trial(), stage.next_trial()
        assert interrupted is not None
        assert other is not None
        stage.report(interrupted, report(1, 0.5))
    with open_study(sweep_spec, tmp_path) as study:
        stage = ConfirmationStage(sweep_spec, study, [])
        resumed = stage.next_trial()
        assert resumed == replace(interrupted, attempt=2)
        assert stage.next_trial() == replace(other, attempt=2)
        assert stage.next_trial() is None
        assert study.get(interrupted).reports[0].metrics == report(1, 0.5).metrics


def test_failed_seed_is_not_replaced_by_another(tmp_path: Path) -> None:
    sweep_spec = spec()
    run(spec(confirm={"seeds": 0}), tmp_path)
    with open_study(sweep_spec, tmp_path) as study:
        stage = ConfirmationStage(sweep_spec, study, [])
        for outcome in (Outcome.DIVERGED, Outcome.COMPLETED):
            trial = stage.next_trial()
            assert trial is not None
            stage.report(trial, report(1, 0.5))
            stage.trial_ended(trial, TrialEnd(outcome, "why"))
        records = study.all_trials()
        assert [trial.seed_index for trial in confirmation.trials_to_score(sweep_spec, records)] == [2]
    folder = create_sweep(tmp_path / "sweeps", sweep_spec, {"rows": "x"}, 1)
    (result,) = build_results(sweep_spec, folder, records).confirmations
    assert [(seed.outcome, seed.test) for seed in result.seeds] == [
        ("diverged", None),
        ("completed", None),
    ]


def test_system_without_a_completed_trial_has_no_confirmation(tmp_path: Path) -> None:
    with pytest.raises(SweepFailedError, match="diverged"):
        run(spec(tau=2), tmp_path)
    with open_study(spec(tau=2), tmp_path) as study:
        records = list(study.all_trials())
    assert confirming(records) == []
    folder = create_sweep(tmp_path / "sweeps", spec(tau=2), {"rows": "x"}, 1)
    assert build_results(spec(tau=2), folder, records).systems[0].confirmation is None
    assert confirmation.best_model_trial(spec(tau=2), records) is None


def test_failed_scoring_is_an_error_and_the_same_command_tries_again(tmp_path: Path) -> None:
    def broken(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        raise ValueError("no room")
        yield

    stages = scripted_jobs(tmp_path)
    failing = replace(stages, make_test_job=lambda: TrainingJob(broken, {"m": data_with_test()}, tmp_path))
    with pytest.raises(SweeperError, match=r"trial 4: its model could not be scored \(ValueError: no room"):
        run(spec(), tmp_path, failing)
    records = run(spec(), tmp_path)
    assert all(record.test is not None for record in confirming(records))
    with open_study(spec(), tmp_path) as study:
        assert len(study.test_accesses()) == 4  # test accesses without a score count too


def test_predictions_are_saved_before_their_score_is_recorded(tmp_path: Path) -> None:
    def keep(trial: Trial, _: ModelScores) -> None:
        scores.append(trial.number)
        raise OSError("the disk is full")

    scores: list[int] = []
    run(spec(confirm={"seeds": 0}), tmp_path)
    with open_study(spec(), tmp_path) as study:
        stage = ConfirmationStage(spec(), study, [])
        while trial := stage.next_trial():
            stage.report(trial, report(1, 0.5))
            stage.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
        todo = confirmation.trials_to_score(spec(), study.all_trials())
        scoring = TestStage(spec(), study, [], todo, True, keep)
        trial = scoring.next_trial()
        assert trial is not None
        with pytest.raises(OSError, match="full"):
            scoring.report(trial, next(iter(scoring_trainer(trial.config, data_with_test(), None))))
        assert scores == [trial.number]
        assert study.get(trial).test is None


def test_results_contain_the_optimism_of_the_search(tmp_path: Path) -> None:
    def worse(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
        yield report(1, config.alpha - (0.02 if config.seed % 2 else 0.04))

    sweep_spec, stages = spec(), scripted_jobs(tmp_path)
    records = run(sweep_spec, tmp_path, replace(stages, confirm=replace(stages.confirm, train=worse)))
    folder = create_sweep(tmp_path / "sweeps", sweep_spec, {"rows": "x"}, 1)
    (result,) = build_results(sweep_spec, folder, records).confirmations
    best = max(float(record.trial.params["alpha"]) for record in records[:3])
    mean = sum(float(seed.metrics["validation/accuracy"]) for seed in result.seeds) / 2
    assert result.search_mean == best
    assert result.mean == pytest.approx(mean)
    assert result.optimism == pytest.approx(best - mean)
    assert (result.seeds[0].test or {})["test/accuracy"] == pytest.approx(best - 0.01)


def test_best_model_is_the_best_seed_of_the_best_system_by_validation(tmp_path: Path) -> None:
    def seeded(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
        yield report(1, config.alpha + (config.seed % 100) / 10_000)

    sweep_spec = spec(compare={"encoder": ["m"], "loss": ["scl", "lcl"]}, budget={"trials": 6}, confirm={"seeds": 3})
    stages = scripted_jobs(tmp_path)
    records = run(sweep_spec, tmp_path, replace(stages, confirm=replace(stages.confirm, train=seeded)))
    best_record = confirmation.best_model_trial(sweep_spec, records)
    best = max(float(record.trial.params["alpha"]) for record in confirming(records))
    of_best = [record for record in confirming(records) if record.trial.params["alpha"] == best]
    assert best_record == max(of_best, key=lambda record: record.reports[0].metrics["validation/accuracy"])


def test_best_model_is_one_of_the_winner_even_if_the_winner_lost_a_seed(tmp_path: Path) -> None:
    sweep_spec = spec(compare={"encoder": ["m"], "loss": ["scl", "lcl"]}, budget={"trials": 2})
    run(spec(compare={"encoder": ["m"], "loss": ["scl", "lcl"]}, budget={"trials": 2}, confirm={"seeds": 0}), tmp_path)
    with open_study(sweep_spec, tmp_path) as study:
        stage = ConfirmationStage(sweep_spec, study, [])
        while trial := stage.next_trial():
            is_lost = trial.config.loss == "scl" and trial.seed_index == 2
            stage.report(trial, report(1, {"scl": 0.9, "lcl": 0.5}[trial.config.loss]))
            stage.trial_ended(trial, TrialEnd(Outcome.COLLAPSED if is_lost else Outcome.COMPLETED))
        records = study.all_trials()
    folder = create_sweep(tmp_path / "sweeps", sweep_spec, {"rows": "x"}, 1)
    best = confirmation.best_model_trial(sweep_spec, records)
    assert best is not None
    assert best.trial.config.loss == "scl"
    assert best.trial.source_trial == build_results(sweep_spec, folder, records).best_trial


def test_trackers_hear_of_confirming_trials_and_their_test_scores(tmp_path: Path) -> None:
    tracker = RecordingTracker()
    with open_study(spec(), tmp_path) as study:
        sweep.run_protocol(
            spec(), study, InlineRunner(1, 0), [tracker], scripted_jobs(tmp_path), TrialResources(1, 0, 1)
        )
        assert tracker.states == {record.trial.number: record for record in study.all_trials()}
    assert tracker.states[5].test is not None


def test_interrupted_confirmation_ends_even_if_a_better_setting_was_found_meanwhile(tmp_path: Path) -> None:
    run(spec(confirm={"seeds": 0}), tmp_path)
    with open_study(spec(), tmp_path) as study:
        interrupted = ConfirmationStage(spec(), study, []).next_trial()
        assert interrupted is not None
    best = float(interrupted.params["alpha"])
    for trials in range(4, 20):
        records = run(spec(budget={"trials": trials}, confirm={"seeds": 0}), tmp_path)
        if max(float(record.trial.params["alpha"]) for record in records if record.trial.is_of_search) > best:
            break
    records = run(spec(budget={"trials": trials}), tmp_path)
    assert all(record.end is not None for record in records)
    assert {record.trial.params["alpha"] for record in records if record.test} == {
        max(float(record.trial.params["alpha"]) for record in records)
    }
