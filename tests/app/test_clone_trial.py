"""A user adds a trial to a sweep's search: it stays in the question, it is marked, and it is counted for what it is."""

import itertools
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import sweeper as package
from sweeper.app.clone_trial import clone_trial
from sweeper.errors import UsageError
from sweeper.protocol.search_result import is_search_over
from sweeper.protocol.search_stage import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.storage.requests import CloneRequest, Requests
from sweeper.terminal.progress import SweepProgress
from sweeper.tracking.trial_payload import run_name, run_tags
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import RecordingTracker, report
from tests.support.mirrored_sweeps import run_mirrored
from tests.support.recorded_sweeps import RecordedSweep

FLAT: dict[str, Any] = {
    "compare": {"encoder": ["m"]},
    "search": {"alpha": {"uniform": [0.1, 0.9]}, "batch_size": [4, 8]},
    "training": {"epochs": 2, "tau": 1.0, "loss": "scl"},
    "asha": "off",
    "budget": {"trials": 4},
    "confirm": {"seeds": 0},
}


def train(stage: SearchStage, trial: Trial, accuracy: float) -> None:
    """Train a trial of two epochs to its end."""
    for step in (1, 2):
        stage.report(trial, report(step, accuracy))
    stage.trial_ended(trial, TrialEnd(Outcome.COMPLETED))


def finish_search(sweep: RecordedSweep, study: OptunaStudy) -> list[TrialRecord]:
    """Run all trials that the search has left, and return its records."""
    stage = SearchStage(sweep.spec, study, [])
    while (trial := stage.next_trial()) is not None:
        train(stage, trial, 0.5)
    assert stage.is_exhausted()
    return stage.recorded()


def test_a_clone_of_a_finished_search_is_its_next_trial_beyond_the_budget(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps", **FLAT)
    with sweep.study() as study:
        finish_search(sweep, study)
    sweep.finish()
    before = package.open(sweep.folder.path).results.trial_results[1].params
    number = package.open(sweep.folder.path).clone(2, alpha=0.3)
    assert number == 5
    summary = package.open(sweep.folder.path).summary
    assert (summary.state, summary.trainings_planned) == ("interrupted", 5)  # `run` continues it
    assert not is_search_over(sweep.spec, package.open(sweep.folder.path).results)
    with sweep.study() as study:
        record = finish_search(sweep, study)[-1]
        assert len(study.all_trials()) == 5
    assert (record.trial.number, record.trial.attempt, record.trial.clone_of) == (5, 1, 2)
    assert record.trial.params == {**before, "alpha": 0.3}
    assert record.trial.config.alpha == 0.3
    assert run_tags(record)["sweeper.clone_of"] == "2"
    assert run_name(record.trial) == "5 scl m, clone of trial 2"
    results = package.open(sweep.folder.path).results
    assert (results.systems[0].num_trials, results.systems[0].cloned) == (5, 1)
    assert [trial.clone_of for trial in results.trial_results] == [0, 0, 0, 0, 2]
    assert is_search_over(sweep.spec, results)


def test_a_clone_starts_with_its_first_attempt_and_not_while_it_waits(tmp_path: Path) -> None:
    sweep, hour = RecordedSweep(tmp_path / "sweeps", **FLAT), 3_600_000
    with sweep.study() as study:
        source = study.ask(0)
        added = study.clone(source, {**source.params, "alpha": 0.3})
        added_at = study.get(added).started_at
    later = lambda: added_at / 1000 + 3600.0005  # noqa: E731
    with closing(OptunaStudy(sweep.spec, sweep.folder.journal, 1, clock=later)) as study:
        started = study.restart(added)
        assert (started.attempt, study.get(started).started_at) == (1, added_at + hour)
        study.restart(started)
    with sweep.study() as study:
        restored = study.get(added)
        assert (restored.trial.attempt, restored.started_at) == (2, added_at + hour)
        study.end_trial(restored.trial, TrialEnd(Outcome.COMPLETED))
        assert study.get(added).started_at == added_at + hour


@pytest.mark.parametrize("sampler", ["grid", "qmc", "random", "tpe"])
def test_the_samplers_proposals_are_all_made_beside_a_clone(sampler: str, tmp_path: Path) -> None:
    space = {**FLAT, "sampler": sampler, "search": {"alpha": [0.1, 0.5], "batch_size": [4, 8]}}
    alone, with_clone = RecordedSweep(tmp_path / "a", **space), RecordedSweep(tmp_path / "b", **space)
    with alone.study() as study:
        expected = [dict(record.trial.params) for record in finish_search(alone, study)]
    with with_clone.study() as study:
        stage = SearchStage(with_clone.spec, study, [])
        first = stage.next_trial()
        assert first
        train(stage, first, 0.5)
    clone_trial(with_clone.folder, 1, {"alpha": 0.5})
    with with_clone.study() as study:
        proposed = [
            dict(record.trial.params) for record in finish_search(with_clone, study) if not record.trial.clone_of
        ]
    assert len(proposed) == 4
    if sampler != "tpe":  # which learns from the clone
        assert proposed == expected


def test_a_running_search_starts_a_clone_next_and_its_share_stays(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps", **FLAT)
    with sweep.study() as study:
        tracker = RecordingTracker()
        stage = SearchStage(sweep.spec, study, [tracker])
        first = stage.next_trial()
        assert first
        requests = [CloneRequest(first.number, {**first.params, "batch_size": 8}), CloneRequest(77, {})]
        stage.requests = lambda: [requests.pop(0)] if requests else []
        assert stage.heartbeat(first)
        assert [record.trial.attempt for record in tracker.states.values()] == [1, 0]
        assert SweepProgress(sweep.spec, tracker.states).total == 5  # at once, as `sweeper watch` counts
        second = stage.next_trial()
        assert second
        assert (second.clone_of, second.attempt, second.config.batch_size) == (1, 1, 8)
        for trial in (first, second):
            train(stage, trial, 0.5)
        assert len(finish_search(sweep, study)) == 5


def test_a_clone_is_in_the_record_whole_before_it_starts(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps", **FLAT).search([Outcome.COMPLETED])
    clone_trial(sweep.folder, 1, {"batch_size": 4})
    last = sweep.folder.journal.read_text().splitlines()[-1]
    assert '"clone_of": 1' in last  # one entry: a crash leaves a whole clone or none
    assert '"number": 2' in last
    with closing(OptunaStudy(sweep.spec, sweep.folder.journal, 1)) as study:
        assert study.all_trials()[-1].trial.attempt == 0


def test_a_driver_that_searches_no_more_adds_nothing_and_the_way_out_is_said(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path).search([Outcome.COMPLETED])
    given_up = threading.Event()

    def answer() -> None:
        requests = Requests(sweep.folder.journal, clock=itertools.count().__next__)
        while not list(requests()) and not given_up.wait(0.01):
            pass

    with sweep.study():
        driver = threading.Thread(target=answer, daemon=True)
        driver.start()
        with pytest.raises(UsageError, match=r"its search is over, .* nothing was added: change the search space, "):
            clone_trial(sweep.folder, 1, {})
        driver.join(60)
        given_up.set()
        assert not driver.is_alive()


def test_nothing_is_added_once_the_test_split_was_scored_or_a_limit_ended_the_search(tmp_path: Path) -> None:
    tested = RecordedSweep(tmp_path / "tested").search([Outcome.COMPLETED]).finish()
    before = tested.folder.journal.read_bytes()
    with pytest.raises(UsageError, match="its test split was scored, and a trial chosen after that"):
        clone_trial(tested.folder, 1, {})
    assert tested.folder.journal.read_bytes() == before
    assert tested.folder.read_results() is not None
    spent = RecordedSweep(tmp_path / "spent", **{**FLAT, "budget": {"trials": 4, "epochs": 1}}).search([None])
    with pytest.raises(
        UsageError, match=r"the search has ended, because the budget's 1 epochs are used; .*budget.epochs"
    ):
        clone_trial(spent.folder, 1, {})
    assert package.open(spent.folder.path).summary.trainings_planned == 4


def test_nothing_is_added_once_a_loss_has_fallen_to_the_value_that_was_asked_for(tmp_path: Path) -> None:
    higher, lower = run_mirrored(tmp_path, stop_at=0.625, confirm={"seeds": 0})
    for sweep, end in (
        (higher, r"validation/accuracy reached 0\.625 \(0\.[67]"),
        (lower, r"validation/loss reached 0\.375 \(0\.[23]"),
    ):
        with pytest.raises(
            UsageError, match=rf"the search has ended, because {end}\d+ in trial \d+\); .*objective.stop_at"
        ):
            clone_trial(sweep.folder, 1, {})
