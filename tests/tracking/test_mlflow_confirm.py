"""Confirmed trials have a parent run of their own in MLflow, and can be read back as recorded."""

import math
from dataclasses import replace
from typing import Any

import pytest

from sweeper.training.config import Scalar
from sweeper.trials import trial
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.search_spaces import small_spec
from tests.support.tracked_sweeps import (
    make_record,
    metric_history,
    normalized,
    runs_by_number,
    start_tracker,
    wait_until,
)

pytestmark = pytest.mark.mlflow

DONE = TrialEnd(Outcome.COMPLETED)
TEST = trial.TestScore(1_700_000_010_000, 2, {"test/macro_f1": 0.41, "test/accuracy": 0.42})
CONFIRMATION = -1


@pytest.fixture
def place(uri: str, sweep: str) -> tuple[str, str]:
    """Return the URI of the store and the name of the test's own sweep."""
    return uri, sweep


def confirmed(
    number: int, repeat: int, finish: TrialEnd | None = DONE, test: trial.TestScore | None = None
) -> TrialRecord:
    """Return the record of a trial that confirms trial 1."""
    found = make_record(number, [0.3, 0.5], finish)
    return replace(found, trial=replace(found.trial, source_trial=1, seed_index=repeat), test=test)


def track(place: tuple[str, str], *records: TrialRecord, status: RunStatus = RunStatus.FINISHED) -> dict[int, Any]:
    """Track these records, and return the runs that MLflow has then, by the number of their trial."""
    tracker = start_tracker(*place)
    for record in records:
        tracker.update(record)
    wait_until(lambda: not tracker.pending_runs)
    tracker.close(status, 60)
    assert tracker.pending_runs == 0
    return runs_by_number(*place)


def test_confirmed_trials_are_children_of_the_confirmation_run(place: tuple[str, str]) -> None:
    found = track(place, make_record(1, [0.3, 0.5], DONE), confirmed(2, 1, test=TEST), confirmed(3, 2))
    assert sorted(found) == [CONFIRMATION, 0, 1, 2, 3]
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    above = found[CONFIRMATION].data.tags
    assert (above["sweeper.stage"], above["mlflow.runName"]) == ("confirmation", "confirm")
    assert above["mlflow.parentRunId"] == found[1].data.tags["mlflow.parentRunId"] == found[0].info.run_id
    for number, repeat in ((2, "1"), (3, "2")):
        tags = found[number].data.tags
        assert tags["mlflow.parentRunId"] == found[CONFIRMATION].info.run_id
        assert (tags["sweeper.stage"], tags["sweeper.source_trial"], tags["sweeper.seed_index"]) == (
            "confirm",
            "1",
            repeat,
        )
    assert found[2].data.tags["mlflow.runName"] == "2 ce m, seed 1 of trial 1"
    assert metric_history(place[0], found[2], "test/accuracy") == [(2, 0.42)]
    assert [found[k].data.tags["sweeper.tested"] for k in (2, 3)] == ['{"at": 1700000010000, "step": 2}', ""]


def test_the_confirmation_run_lasts_from_its_first_trial_to_the_last_test_score(place: tuple[str, str]) -> None:
    found = track(place, make_record(1, [0.3, 0.5], DONE), confirmed(2, 1, test=TEST))
    times = found[CONFIRMATION].info
    assert (
        (times.start_time, times.end_time) == (1_700_000_000_000, TEST.at) == (times.start_time, found[0].info.end_time)
    )


def test_a_test_score_after_the_end_of_a_trial_is_sent_and_changes_nothing_else(place: tuple[str, str]) -> None:
    before = track(place, make_record(1, [0.3, 0.5], DONE), confirmed(2, 1), status=RunStatus.KILLED)
    after = track(place, make_record(1, [0.3, 0.5], DONE), confirmed(2, 1), confirmed(2, 1, test=TEST))
    again = track(place, make_record(1, [0.3, 0.5], DONE), confirmed(2, 1, test=TEST))
    assert before[2].info.run_id == after[2].info.run_id == again[2].info.run_id
    assert (again[2].info.start_time, again[2].info.end_time) == (before[2].info.start_time, before[2].info.end_time)
    for metric, value in TEST.metrics.items():
        assert metric_history(place[0], again[2], metric) == [(2, value)]
    assert metric_history(place[0], again[2], "validation/accuracy") == [(1, 0.3), (2, 0.5)]
    assert again[CONFIRMATION].info.status == "FINISHED"


def test_a_test_score_that_the_record_lost_is_removed_from_mlflow(place: tuple[str, str]) -> None:
    track(place, make_record(1, [0.3], DONE), confirmed(2, 1, test=TEST), status=RunStatus.KILLED)
    found = track(place, make_record(1, [0.3], DONE), confirmed(2, 1))
    assert sorted(found) == [CONFIRMATION, 0, 1, 2]
    assert not [name for name in found[2].data.metrics if name.startswith("test/")]


def test_the_confirmation_run_is_deleted_if_the_record_lost_all_confirmed_trials(place: tuple[str, str]) -> None:
    track(place, make_record(1, [0.3], DONE), confirmed(2, 1, None), status=RunStatus.KILLED)
    assert sorted(track(place, make_record(1, [0.3], DONE))) == [0, 1]


def test_the_first_of_two_confirmation_runs_stays(place: tuple[str, str]) -> None:
    from mlflow import MlflowClient

    made = track(place, make_record(1, [0.3], DONE), confirmed(2, 1), status=RunStatus.KILLED)
    client, tags = MlflowClient(tracking_uri=place[0]), dict(made[CONFIRMATION].data.tags)
    other = client.create_run(made[0].info.experiment_id, tags=tags | {"sweeper.created": "9999999999999"})
    for number, parent in ((2, other.info.run_id), (CONFIRMATION, "another sweep's run")):
        client.set_tag(made[number].info.run_id, "mlflow.parentRunId", parent)
    found = track(place, make_record(1, [0.3], DONE), confirmed(2, 1))
    assert {number: run.info.run_id for number, run in found.items()} == {k: made[k].info.run_id for k in made}
    assert client.get_run(other.info.run_id).info.lifecycle_stage == "deleted"
    assert found[2].data.tags["mlflow.parentRunId"] == made[CONFIRMATION].info.run_id
    assert found[CONFIRMATION].data.tags["mlflow.parentRunId"] == made[0].info.run_id


def test_trials_read_back_from_mlflow_equal_the_record(place: tuple[str, str]) -> None:
    from tests.support.mlflow_trials import read_trial_records

    spec = small_spec()
    params: dict[str, Scalar] = {"encoder": "m", "loss": "lcl", "alpha": 0.1 + 0.2}
    trials = [
        Trial(1, 1, params, spec.train_config(params, seed=5, threads=2), 3),
        Trial(2, 1, params, spec.train_config(params, seed=77, threads=2), 2, 1, 1),
        Trial(3, 1, params, spec.train_config(params, seed=78, threads=2), 1, 1, 2),
        Trial(4, 1, params, spec.train_config(params, seed=79, threads=2), 1, 1, 3),
    ]
    awkward = trial.TestScore(
        1_700_000_010_000, 1, {"test/loss": math.inf, "test/accuracy": 1 / 3, "test/macro_f1": -0.0}
    )
    records = [replace(make_record(1, [0.3, 0.5], DONE), trial=trials[0])]
    records += [replace(make_record(k + 1, [0.3, 0.5], DONE), trial=trials[k], test=awkward) for k in (1,)]
    records += [replace(make_record(3, [0.3], TrialEnd(Outcome.DIVERGED, "not finite")), trial=trials[2])]
    records += [replace(make_record(4, [0.2]), trial=trials[3])]
    tracker = start_tracker(*place)
    for record in records:
        tracker.update(record)
    tracker.close(RunStatus.KILLED, 60)
    assert tracker.pending_runs == 0
    found = read_trial_records(place[0], spec, place[1])
    assert list(map(repr, found)) == [repr(normalized(record)) for record in records]
