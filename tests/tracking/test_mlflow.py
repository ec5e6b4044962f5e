"""MLflow shows what the record has, even if it is sent twice: a parent run, a child per trial, a row per report."""

import math
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.protocol.results import build_results
from sweeper.record.optuna_study import OptunaStudy
from sweeper.storage.new_sweep import create_sweep
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialEnd
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

SWEEP = "sst5-0a1b2c3d"


def test_a_sweep_has_a_parent_run_and_a_child_per_trial(uri: str, sweep: str) -> None:
    tracker = start_tracker(uri, sweep)
    tracker.update(make_record(1, []))
    tracker.update(make_record(1, [0.3, 0.5], TrialEnd(Outcome.COMPLETED)))
    reason = "stopped after epoch 1: 0.1000, needed 0.2000"
    tracker.update(make_record(2, [0.1], TrialEnd(Outcome.STOPPED_EARLY, reason)))
    tracker.update(make_record(3, [], TrialEnd(Outcome.FAILED, "ValueError: broken")))
    tracker.close(RunStatus.FINISHED)
    found = runs_by_number(uri, sweep)
    assert sorted(found) == [0, 1, 2, 3]
    assert [found[k].info.status for k in range(4)] == ["FINISHED", "FINISHED", "FINISHED", "FAILED"]
    assert found[0].data.tags["sweeper.stage"] == "sweep"
    assert found[0].data.params["sampler"] == "tpe"
    assert found[1].data.tags["mlflow.parentRunId"] == found[0].info.run_id
    assert found[2].data.tags["sweeper.outcome"] == "stopped_early"
    assert found[2].data.tags["sweeper.reason"] == reason
    assert found[3].data.tags["sweeper.reason"] == "ValueError: broken"
    assert found[1].data.params["learning_rate"] == "3e-05"
    assert "alpha" not in found[1].data.params  # ce does not use it
    assert next(iter(found[1].data.params)) == "learning_rate"  # searched parameters come first
    assert found[1].data.tags["mlflow.note.content"] == "**learning_rate** 3e-05"
    assert metric_history(uri, found[1], "validation/accuracy") == [(1, 0.3), (2, 0.5)]
    assert (found[1].info.start_time, found[1].info.end_time) == (1_700_000_000_000, 1_700_000_009_000)


def test_runs_have_the_times_of_the_record_whenever_they_are_synced(uri: str, sweep: str) -> None:
    tracker = start_tracker(uri, sweep, started_at=1_699_999_990_000)
    tracker.update(make_record(1, [0.3], TrialEnd(Outcome.COMPLETED)))
    tracker.update(make_record(2, [0.2, 0.1, 0.4]))  # killed after its third report
    tracker.close(RunStatus.KILLED, 60)
    times = {number: (run.info.start_time, run.info.end_time) for number, run in runs_by_number(uri, sweep).items()}
    assert times == {
        0: (1_699_999_990_000, 1_700_000_009_000),
        1: (1_700_000_000_000, 1_700_000_009_000),
        2: (1_700_000_000_000, 1_700_000_002_000),
    }


def test_a_resumed_sweep_is_synced_without_duplicate_runs_or_rows(uri: str, sweep: str) -> None:
    first = start_tracker(uri, sweep)
    first.update(make_record(1, [0.3], TrialEnd(Outcome.COMPLETED)))
    first.update(make_record(2, [0.2]))
    first.close(RunStatus.KILLED, 60)
    assert [runs_by_number(uri, sweep)[k].info.status for k in range(3)] == ["KILLED", "FINISHED", "KILLED"]
    second = start_tracker(uri, sweep)
    second.update(make_record(1, [0.3], TrialEnd(Outcome.COMPLETED)))
    second.update(make_record(2, [0.2, 0.4], TrialEnd(Outcome.COMPLETED)))
    second.close(RunStatus.FINISHED)
    found = runs_by_number(uri, sweep)
    assert sorted(found) == [0, 1, 2]
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert metric_history(uri, found[2], "validation/accuracy") == [(1, 0.2), (2, 0.4)]


def test_equal_reports_are_separate_rows(uri: str, sweep: str) -> None:
    tracker = start_tracker(uri, sweep)
    for count in range(1, 4):
        tracker.update(make_record(1, [0.5] * count))
        wait_until(lambda: not tracker.pending_runs)
    tracker.update(make_record(1, [0.5] * 3, TrialEnd(Outcome.COMPLETED)))
    tracker.close(RunStatus.FINISHED)
    assert metric_history(uri, runs_by_number(uri, sweep)[1], "validation/accuracy") == [(1, 0.5), (2, 0.5), (3, 0.5)]


def test_more_rows_than_one_request_may_hold_are_sent(uri: str, sweep: str) -> None:
    tracker = start_tracker(uri, sweep)
    scores = [k / 1000 for k in range(700)]  # of three metrics each
    tracker.update(make_record(1, scores, TrialEnd(Outcome.COMPLETED)))
    tracker.close(RunStatus.FINISHED)
    assert metric_history(uri, runs_by_number(uri, sweep)[1], "validation/accuracy") == list(enumerate(scores, start=1))


def test_a_second_sweep_of_the_same_name_has_its_own_runs(uri: str, sweep: str) -> None:
    for name in (sweep, f"{sweep}.2"):
        tracker = start_tracker(uri, name)
        tracker.update(make_record(1, [0.3], TrialEnd(Outcome.COMPLETED)))
        tracker.close(RunStatus.FINISHED)
        assert tracker.pending_runs == 0
    first, second = runs_by_number(uri, sweep), runs_by_number(uri, f"{sweep}.2")
    assert sorted(first) == sorted(second) == [0, 1]
    assert not {run.info.run_id for run in first.values()} & {run.info.run_id for run in second.values()}
    assert second[1].data.tags["mlflow.parentRunId"] == second[0].info.run_id


def test_duplicate_runs_are_deleted_and_children_keep_the_first_parent(uri: str, sweep: str) -> None:
    from mlflow import MlflowClient

    ended = make_record(1, [0.3], TrialEnd(Outcome.COMPLETED))
    first = start_tracker(uri, sweep)
    first.update(ended)
    first.close(RunStatus.KILLED, 60)
    client, made = MlflowClient(tracking_uri=uri), runs_by_number(uri, sweep)
    for number in (0, 1):  # as if a server had created them again because its answer was lost
        later = made[number].data.tags | {"sweeper.created": "9999999999999", "mlflow.parentRunId": "a later one's"}
        client.create_run(made[number].info.experiment_id, tags=later)
    client.set_tag(made[1].info.run_id, "mlflow.parentRunId", "a later one's")
    second = start_tracker(uri, sweep)
    second.update(ended)
    second.close(RunStatus.FINISHED)
    found = runs_by_number(uri, sweep)
    assert {number: run.info.run_id for number, run in found.items()} == {k: made[k].info.run_id for k in (0, 1)}
    assert found[1].data.tags["mlflow.parentRunId"] == found[0].info.run_id
    assert len(client.search_runs([made[0].info.experiment_id], f"tags.`sweeper.sweep` = '{sweep[5:]}'")) == 2


def test_a_run_that_mlflow_rejects_does_not_block_the_others(uri: str, sweep: str) -> None:
    tracker = start_tracker(uri, sweep)
    good = make_record(1, [0.3], TrialEnd(Outcome.COMPLETED))
    tracker.update(replace(good, report_times=(-1,)))  # MLflow takes no time before 1970
    for number in range(2, 6):
        tracker.update(make_record(number, [0.3], TrialEnd(Outcome.COMPLETED)))
    wait_until(lambda: tracker.pending_runs <= 2)
    tracker.close(RunStatus.KILLED, 0.1)
    assert [run.info.status for number, run in sorted(runs_by_number(uri, sweep).items()) if number > 1] == [
        "FINISHED"
    ] * 4
    assert 0 < tracker.pending_runs <= 2  # this run, and the sweep's own, which comes after it
    assert tracker.outage.error


AWKWARD = {
    "train/loss": [math.inf, -math.inf, 0.1 + 0.2, 5e-324],
    "validation/accuracy": [math.nan, 1 / 3, 1e-17, 1.0],
    "validation/macro_f1": [0.0, -0.0, 1.7e308, math.nan],
}


def test_results_from_mlflow_equal_those_of_the_record(tmp_path: Path) -> None:
    from tests.support.mlflow_trials import read_trial_records

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    spec = small_spec(search={"learning_rate": {"log": [1e-5, 1e-4]}, "normalize": [True, False], "batch_size": [4, 8]})
    folder = create_sweep(tmp_path, spec, {"dataset": "d"}, 2)
    with closing(OptunaStudy(spec, folder.journal, 2)) as study:
        for system in (0, 1, 0, 1, 0):
            trial = study.restart(study.ask(system))
            for step in range(1, trial.number):
                row = {name: values[(step + trial.number) % 4] for name, values in reversed(AWKWARD.items())}
                if study.report(trial, ValidationReport(step, float(step), row)).end:
                    break
            else:
                if trial.number < 5:
                    study.end_trial(trial, TrialEnd(Outcome.COMPLETED if trial.number > 2 else Outcome.FAILED, "söß"))
        record = study.all_trials()
    tracker = start_tracker(uri, folder.name)
    for trial_record in record:
        tracker.update(trial_record)
    tracker.close(RunStatus.FINISHED)
    assert tracker.pending_runs == 0
    found = read_trial_records(uri, spec, folder.name)
    assert build_results(spec, folder, found).to_json() == build_results(spec, folder, record).to_json()
    for read_back, recorded in zip(found, record, strict=True):
        assert repr(read_back) == repr(normalized(recorded))


def test_an_unreachable_store_raises_nothing_and_leaves_runs_pending(tmp_path: Path, sweep: str) -> None:
    from sweeper.tracking import tracker as tracker_module

    tracker = start_tracker("http://127.0.0.1:9", sweep)
    tracker.update(make_record(1, [0.3], TrialEnd(Outcome.COMPLETED)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracker_module, "_PATIENCE", 0.5)
        tracker.close(RunStatus.FINISHED)
    assert tracker.pending_runs


def test_a_failed_trial_has_its_traceback_as_a_file(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    files = (tmp_path / "artifacts").as_uri()
    tracker = start_tracker(uri, SWEEP, artifacts=files)
    tracker.update(
        make_record(1, [0.2], TrialEnd(Outcome.FAILED, "ValueError: broken", "Traceback: …\nValueError: broken\n"))
    )
    tracker.close(RunStatus.FINISHED)
    run = runs_by_number(uri, SWEEP)[1]
    path = MlflowClient(tracking_uri=uri).download_artifacts(run.info.run_id, "error.txt", str(tmp_path))
    assert Path(path).read_text() == "Traceback: …\nValueError: broken\n"


def test_sweeps_with_different_ids_have_their_own_runs(uri: str, sweep: str) -> None:
    for id, score in (("one", 0.3), ("two", 0.4)):
        tracker = start_tracker(uri, sweep, id)
        tracker.update(make_record(1, [score], TrialEnd(Outcome.COMPLETED)))
        tracker.close(RunStatus.FINISHED)
    for id, score in (("one", 0.3), ("two", 0.4)):
        (run,) = mlflow_runs(uri, sweep, id)
        assert metric_history(uri, run, "validation/accuracy") == [(1, score)]


def mlflow_runs(uri: str, sweep: str, id: str) -> list[Any]:
    from sweeper.tracking.client import find_trial_runs, identity_tags

    return find_trial_runs(uri, "sst5", identity_tags(sweep.rpartition("-")[2], id))[1]


@pytest.mark.parametrize("sizes", [(200_000,), pytest.param((1, 200_000, 400_000), marks=pytest.mark.slow)])
def test_a_database_whose_creation_was_interrupted_is_created_again(sizes: Sequence[int], tmp_path: Path) -> None:
    """Kill a process that creates the database at each of these sizes of the file; then let one finish."""
    making = "from sweeper.tracking.client import open_store; print(open_store({!r}).search_experiments())"
    path = tmp_path / "mlflow.db"
    for size in sizes:
        running = subprocess.Popen([sys.executable, "-c", making.format(f"sqlite:///{path}")])
        while running.poll() is None and not _grown(tmp_path, size):
            time.sleep(0.001)
        running.kill()
        running.wait()
    tracker = start_tracker(f"sqlite:///{path}", SWEEP)
    tracker.update(make_record(1, [0.3], TrialEnd(Outcome.COMPLETED)))
    tracker.close(RunStatus.FINISHED, 120)
    assert not tracker.pending_runs
    assert runs_by_number(f"sqlite:///{path}", SWEEP)[1].info.status == "FINISHED"
    assert not list(tmp_path.glob(".mlflow*"))


def _grown(folder: Path, size: int) -> bool:
    try:
        return any(path.stat().st_size >= size for path in folder.glob(".mlflow.db.making-????????"))
    except FileNotFoundError:  # complete and renamed
        return False


def test_runs_with_more_than_a_torn_record_are_created_again(uri: str, sweep: str) -> None:
    first = start_tracker(uri, sweep)
    first.update(make_record(1, [0.3, 0.4, 0.5]))
    first.update(make_record(2, [0.2], TrialEnd(Outcome.COMPLETED)))
    first.update(make_record(3, [0.1]))
    first.close(RunStatus.KILLED, 60)
    second = start_tracker(uri, sweep)  # the record lost two reports of trial 1, the end of trial 2, and trial 3
    second.update(make_record(1, [0.3]))
    second.update(make_record(2, [0.2]))
    later = make_record(1, [0.3, 0.4], TrialEnd(Outcome.COMPLETED))
    second.update(replace(later, report_times=(later.report_times[0], later.report_times[1] + 77)))
    second.update(make_record(2, [0.2, 0.3], TrialEnd(Outcome.COMPLETED)))
    second.close(RunStatus.FINISHED, 60)
    found = runs_by_number(uri, sweep)
    assert sorted(found) == [0, 1, 2]
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert metric_history(uri, found[1], "validation/accuracy") == [(1, 0.3), (2, 0.4)]
    assert metric_history(uri, found[2], "validation/accuracy") == [(1, 0.2), (2, 0.3)]


def test_a_run_whose_trial_was_proposed_again_with_other_params_is_created_again(uri: str, sweep: str) -> None:
    first = start_tracker(uri, sweep)
    first.update(make_record(1, [0.3]))
    first.close(RunStatus.KILLED, 60)
    other = make_record(1, [0.4], TrialEnd(Outcome.COMPLETED))
    config = other.trial.config.model_copy(update={"learning_rate": 1e-4})
    second = start_tracker(uri, sweep)
    second.update(replace(other, trial=replace(other.trial, params={"learning_rate": 1e-4}, config=config)))
    second.close(RunStatus.FINISHED, 60)
    found = runs_by_number(uri, sweep)
    assert sorted(found) == [0, 1]
    assert found[1].data.params["learning_rate"] == "0.0001"
    assert metric_history(uri, found[1], "validation/accuracy") == [(1, 0.4)]


def test_the_summary_of_a_run_is_its_best_epoch_and_old_runs_get_it(uri: str, sweep: str) -> None:
    record = make_record(1, [0.3, 0.7, 0.7, 0.5], TrialEnd(Outcome.COMPLETED))
    before = start_tracker(uri, sweep, objective=ObjectiveMetric(minimize="validation/loss"))  # which no report has
    before.update(record)
    before.close(RunStatus.FINISHED)
    assert not [name for name in runs_by_number(uri, sweep)[1].data.metrics if name.startswith("best/")]
    for _ in range(2):  # twice changes nothing
        tracker = start_tracker(uri, sweep)
        tracker.update(record)
        tracker.close(RunStatus.FINISHED)
        run = runs_by_number(uri, sweep)[1]
        assert run.data.metrics["validation/accuracy"] == 0.5  # of the last epoch
        assert run.data.metrics["best/validation/accuracy"] == 0.7
        assert run.data.metrics["best/epoch"] == 2
        assert {f"best/{name}" for name in record.reports[0].metrics} <= set(run.data.metrics)
        assert metric_history(uri, run, "best/validation/accuracy") == [(1, 0.3), (2, 0.7)]


def test_the_best_epoch_is_that_of_the_objective() -> None:
    from sweeper.tracking.best_rows import best_rows, best_tags

    reports = tuple(
        ValidationReport(step, step / 2, {"validation/loss": loss, "train/loss": 0.1 * step})
        for step, loss in enumerate((0.9, float("nan"), 0.4, 0.6), start=1)
    )
    record = replace(make_record(1, []), reports=reports, report_times=(10, 20, 30, 40))
    lowest = ObjectiveMetric(minimize="validation/loss")
    assert best_rows(record, lowest, skip_reports=1) == [
        ("best/validation/loss", 3, 30, 0.4),
        ("best/train/loss", 3, 30, pytest.approx(0.3)),
        ("best/epoch", 3, 30, 1.5),
    ]
    assert best_tags(record, lowest) == {"sweeper.best_step": "3"}
    assert best_tags(record, ObjectiveMetric()) == {}
    last = record.trial.config.model_copy(update={"average": "last"})
    assert best_tags(replace(record, trial=replace(record.trial, config=last)), lowest) == {"sweeper.best_step": "4"}
