"""Sweeps that a tracker sends to MLflow, and what MLflow has of them."""

import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from sweeper.training.config import TrainConfig
from sweeper.training.objective import ObjectiveMetric
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import report

TRIALS = 4
ENDS = [TrialEnd(Outcome.COMPLETED), TrialEnd(Outcome.STOPPED_EARLY, "below"), TrialEnd(Outcome.DIVERGED, "not finite")]


def start_tracker(
    uri: str,
    name: str,
    id: str = "",
    *,
    dataset: str = "sst5",
    objective: ObjectiveMetric | None = None,
    started_at: int | None = None,
    **options: Any,
) -> Any:
    """Return a tracker of the sweep `name`. `options` are for MlflowTracker."""
    from sweeper.tracking.data_identity import DataIdentity
    from sweeper.tracking.sweep_description import SweepDescription
    from sweeper.tracking.tracked_sweep import TrackedSweep
    from sweeper.tracking.tracker import MlflowTracker

    sweep = TrackedSweep(name, name.rpartition("-")[2], id, DataIdentity(dataset), started_at)
    description = SweepDescription({"sampler": "tpe"}, objective=objective or ObjectiveMetric())
    return MlflowTracker(uri, sweep, **{"description": description, "artifacts": None, **options})


def runs_by_number(uri: str, sweep: str, dataset: str = "sst5") -> dict[int, Any]:
    """Return the runs of a sweep by trial; 0 is the sweep's own, -1 the confirmation's."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(dataset)
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`sweeper.sweep` = '{sweep.rpartition('-')[2]}'")
    above = {"sweep": 0, "confirmation": -1}
    return {int(run.data.tags.get("sweeper.trial", above.get(run.data.tags["sweeper.stage"], 0))): run for run in found}


def metric_history(uri: str, run: Any, metric: str) -> list[tuple[int, float]]:
    """Return step and value of each row that a run has of a metric."""
    from mlflow import MlflowClient

    return [(m.step, m.value) for m in MlflowClient(tracking_uri=uri).get_metric_history(run.info.run_id, metric)]


def make_record(number: int, scores: list[float], finish: TrialEnd | None = None) -> TrialRecord:
    """Return the record of a trial of cross entropy with these scores, a second apart."""
    config = TrainConfig(encoder="owner/m", loss="ce", learning_rate=3e-5)
    trial = Trial(number, 0, {"learning_rate": 3e-5}, config)
    reports = tuple(report(k + 1, score) for k, score in enumerate(scores))
    times = tuple(1_700_000_000_000 + 1000 * k for k in range(len(scores)))
    return TrialRecord(trial, reports, times, 1_700_000_000_000, finish, 1_700_000_009_000 if finish else None)


def sweep_updates(trials: int = TRIALS) -> list[TrialRecord]:
    """Return the records that a sweep passes to trackers: at the start of a trial, after each report, at its end."""
    records = []
    for number in range(1, trials + 1):
        scores = [0.1 * number + 0.01 * step for step in range(3)]
        records += [make_record(number, scores[:k]) for k in range(len(scores) + 1)]
        records.append(make_record(number, scores, ENDS[number % len(ENDS)]))
    return records


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds. Fails after two minutes."""
    deadline = monotonic() + 120
    while not condition():
        assert monotonic() < deadline
        threading.Event().wait(0.01)


def downloaded_files(uri: str, run: Any) -> dict[str, bytes]:
    """Return every file that MLflow has of a run."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    found, folders = {}, [""]
    while folders:
        for entry in client.list_artifacts(run.info.run_id, folders.pop() or None):
            if entry.is_dir:
                folders.append(entry.path)
            else:
                with tempfile.TemporaryDirectory() as place:
                    path = client.download_artifacts(run.info.run_id, entry.path, place)
                    found[entry.path] = Path(path).read_bytes()
    return found


def normalized(record: TrialRecord) -> TrialRecord:
    """Return a record as MLflow has it: metrics in alphabetical order, no negative zeros, an end in milliseconds."""
    reports = tuple(replace(report, metrics=_ordered(report.metrics)) for report in record.reports)
    test = record.test and replace(record.test, metrics=_ordered(record.test.metrics))
    ended_at = None if record.ended_at is None else int(record.ended_at)
    return replace(record, reports=reports, test=test, ended_at=ended_at)


def _ordered(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: metrics[name] + 0.0 for name in sorted(metrics)}
