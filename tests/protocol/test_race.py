"""The race at the end of a search: its rounds, its place in the budget, restarts, and the setting that it names."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from sweeper.protocol.expected_epochs import Arrivals, expect_validations, remaining_epochs
from sweeper.protocol.ranking import setting_key
from sweeper.protocol.results import build_results
from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.stages import ConfirmationStage
from sweeper.protocol.sweep_results import SweepResults
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_manifest import SweepManifest
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import report
from tests.support.search_spaces import small_spec
from tests.support.shrunk_means import expected_shrunk_means
from tests.support.studies import open_study

Score = Callable[[Trial], float | None]


def racing_spec(trials: int = 20, **changes: object) -> SweepSpec:
    search = {"batch_size": {"int": [2, 64]}, "alpha": {"uniform": [0.1, 0.9]}}
    return small_spec(**{
        "search": search, "training": {"epochs": 2}, "asha": "off", "sampler": "random", "racing": 4,
        "budget": {"trials": trials}, **changes,
    })  # fmt: skip


def noisy(trial: Trial) -> float:
    """Return an accuracy that depends on the batch size, with noise of the seed."""
    return 0.3 + trial.config.batch_size / 200 + Random(trial.config.seed).gauss(0, 0.05)


def run_search(spec: SweepSpec, path: Path, slots: int = 1, score: Score = noisy, restarts: bool = False) -> None:
    """Run the rest of a search. A trial without a score fails. With `restarts`, the driver dies before each report."""
    while True:
        with closing(OptunaStudy(spec, path, threads=1)) as study:
            stage = SearchStage(spec, study, [])
            while not stage.is_exhausted():
                while len(stage.running) < slots and stage.next_trial() is not None:
                    pass
                trial = list(stage.running.values())[-1]
                if restarts and trial.attempt == 1:
                    break
                train(stage, trial, score(trial))
            else:
                return


def train(stage: SearchStage | ConfirmationStage, trial: Trial, accuracy: float | None) -> None:
    if accuracy is None:
        stage.trial_ended(trial, TrialEnd(Outcome.FAILED, "a broken trial"))
        return
    for step in (1, 2):
        if not stage.report(trial, report(step, accuracy)):
            return
    stage.trial_ended(trial, TrialEnd(Outcome.COMPLETED))


def records_of(spec: SweepSpec, path: Path) -> Sequence[TrialRecord]:
    with closing(OptunaStudy(spec, path, threads=1)) as study:
        return study.all_trials()


def results_of(spec: SweepSpec, path: Path) -> SweepResults:
    return build_results(spec, SweepFolder(path.parent, SweepManifest({}, {}, 1)), records_of(spec, path))


def of_system(records: Sequence[TrialRecord], system: int) -> list[TrialRecord]:
    return [record for record in records if record.trial.system == system]


def best_settings(records: Sequence[TrialRecord], count: int) -> set[object]:
    """Return the settings with the best shrunk means, computed without code of sweeper."""
    scores: dict[object, list[float]] = {}
    for record in records:
        value = max(it.metrics["validation/accuracy"] for it in record.reports)
        scores.setdefault(setting_key(record.trial.params), []).append(value)
    means = dict(zip(scores, expected_shrunk_means(list(scores.values())), strict=True))
    return set(sorted(means, key=lambda key: -means[key])[:count])


@pytest.mark.parametrize("slots", [1, 3, 8])
def test_the_last_trials_of_each_share_are_its_race(tmp_path: Path, slots: int) -> None:
    spec = racing_spec(trials=21)
    run_search(spec, tmp_path / "journal", slots)
    records = records_of(spec, tmp_path / "journal")
    assert len(records) == 21
    for system, share in ((0, 11), (1, 10)):
        own = of_system(records, system)
        assert [record.trial.race_of > 0 for record in own] == [False] * (share - 6) + [True] * 6
        first, second = own[share - 6 : share - 2], own[share - 2 :]
        assert {setting_key(it.trial.params) for it in first} == best_settings(own[: share - 6], 4)
        assert {setting_key(it.trial.params) for it in second} == best_settings(own[: share - 2], 2)
    by_number = {record.trial.number: record.trial for record in records}
    for trial in (record.trial for record in records if record.trial.race_of):
        source = by_number[trial.race_of]
        assert (source.params, source.system, source.race_of) == (trial.params, trial.system, 0)
    assert len({record.trial.config.seed for record in records}) == 21


def test_a_restarted_driver_continues_the_same_race(tmp_path: Path) -> None:
    spec = racing_spec()
    run_search(spec, tmp_path / "whole")
    run_search(spec, tmp_path / "restarted", restarts=True)
    whole, restarted = (records_of(spec, tmp_path / name) for name in ("whole", "restarted"))
    assert [record.trial.config for record in restarted] == [record.trial.config for record in whole]
    assert [record.trial.race_of for record in restarted] == [record.trial.race_of for record in whole]
    assert {record.trial.attempt for record in restarted} == {2}


@pytest.mark.parametrize("more", [1, 2, 5, 20])
def test_a_budget_that_grows_ends_in_a_race_too(tmp_path: Path, more: int) -> None:
    run_search(racing_spec(), tmp_path / "journal")
    larger = racing_spec(trials=20 + more)
    run_search(larger, tmp_path / "journal", slots=2)
    records = records_of(larger, tmp_path / "journal")
    assert len(records) == 20 + more
    assert all(record.trial.race_of for system in (0, 1) for record in of_system(records, system)[-6:])


def test_nothing_in_a_race_is_stopped_early(tmp_path: Path) -> None:
    spec = racing_spec(asha={"grace_epochs": 1, "reduction_factor": 2}, training={"epochs": 2})
    run_search(spec, tmp_path / "journal", score=lambda trial: 0.2 if trial.race_of else 0.4 + trial.number / 100)
    raced = [record for record in records_of(spec, tmp_path / "journal") if record.trial.race_of]
    assert [record.end.outcome for record in raced if record.end] == [Outcome.COMPLETED] * 12


def test_a_system_without_a_completed_trial_gets_new_settings(tmp_path: Path) -> None:
    spec = racing_spec(fail_fast_after=100)
    run_search(spec, tmp_path / "journal", score=lambda trial: None if trial.system else 0.5)
    records = records_of(spec, tmp_path / "journal")
    assert Counter(record.trial.system for record in records if record.trial.race_of) == {0: 6}
    assert len(records) == 20


def test_seeds_that_fail_take_their_place_in_the_race(tmp_path: Path) -> None:
    spec = racing_spec()
    run_search(spec, tmp_path / "journal", score=lambda trial: None if trial.race_of else noisy(trial))
    assert len(records_of(spec, tmp_path / "journal")) == 20
    assert [system.raced for system in results_of(spec, tmp_path / "journal").systems] == [6, 6]


def test_a_lucky_setting_loses_to_a_steady_one(tmp_path: Path) -> None:
    """The luckiest first seed of each system is worth nothing in the race."""
    spec = racing_spec(compare={"encoder": ["m"], "loss": ["ce"]}, budget={"trials": 12}, confirm={"seeds": 2})

    def score(trial: Trial) -> float:
        return {1: 0.9, 2: 0.8, 3: 0.7, 4: 0.5}.get(trial.race_of or trial.number, 0.4) - 0.3 * (trial.race_of == 1)

    run_search(spec, tmp_path / "journal", score=score)
    before = results_of(spec, tmp_path / "journal").systems[0]
    assert before.best is not None
    assert before.best.trial == 2
    with open_study(spec, tmp_path) as study:
        stage = ConfirmationStage(spec, study, [])
        while (trial := stage.next_trial()) is not None:
            assert trial.source_trial == 2
            train(stage, trial, 0.75)
    (system,) = results_of(spec, tmp_path / "journal").systems
    assert system.best is not None
    assert system.confirmation is not None
    assert system.best.shrunk_mean is not None
    assert system.best.shrunk_mean < system.best.mean == system.confirmation.search_mean == pytest.approx(0.8)
    assert system.confirmation.optimism == pytest.approx(0.05)
    assert (system.raced, system.num_trials, system.best.repeats) == (6, 12, 3)


def test_a_race_trains_its_whole_epochs_in_a_forecast() -> None:
    stopped = racing_spec(asha={"grace_epochs": 1, "reduction_factor": 2}, training={"epochs": 8}, racing="off")
    racing = stopped.model_copy(update={"racing": racing_spec().racing})
    config, arrivals = racing.train_config({**racing.systems[0], "batch_size": 4}, seed=0, threads=1), Arrivals()
    each = [expect_validations(stopped, config, arrivals) for _ in range(10)]
    assert remaining_epochs(stopped, []).search == pytest.approx((sum(each),) * 2)
    assert remaining_epochs(racing, []).search == pytest.approx((sum(each[:4]) + 6 * 8,) * 2)
    assert remaining_epochs(racing, []).new_trials == (10, 10)
