"""A fake MLflow for simulated sweeps, which may refuse connections or accept a request without answering.

The code that syncs runs is the real one, except for its thread: here a test says when it syncs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sweeper.tracking.best_rows import best_rows
from sweeper.tracking.client import CONFIRMATION, PARENT, run_number
from sweeper.tracking.data_identity import DataIdentity
from sweeper.tracking.run_registry import RunRegistry
from sweeper.tracking.run_sync import RunSynchronizer
from sweeper.tracking.sweep_description import SweepDescription
from sweeper.tracking.tracked_sweep import TrackedSweep
from sweeper.tracking.trial_payload import comparable_rows, metric_rows, run_status
from sweeper.training.objective import ObjectiveMetric
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord
from tests.support.simulation.world import Killed


class Page(list[Any]):
    """The last page of runs."""

    token = None


class FakeMlflow:
    """MLflow's client and store in memory.

    `state` is "up", "down" (it refuses connections) or "deaf" (it accepts requests but does not answer). The process
    is killed after `left` more requests; None means never.
    """

    def __init__(self) -> None:
        self.state = "up"
        self.left: int | None = None
        self.experiment_tags: dict[str, str] = {}
        self.runs: dict[str, Any] = {}
        self.rows: dict[str, set[tuple[str, int, int, str]]] = {}

    def _request(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed
        if self.state == "down":
            raise ConnectionError("refused")

    def _answer(self) -> None:
        if self.state == "deaf":
            raise TimeoutError("no answer")

    def get_experiment_by_name(self, name: str) -> Any:
        self._request()
        self._answer()
        return SimpleNamespace(experiment_id="1", tags=dict(self.experiment_tags))

    def set_experiment_tag(self, experiment: str, tag: str, value: str) -> None:
        self._request()
        self.experiment_tags[tag] = value
        self._answer()

    def search_runs(self, *_: Any, **__: Any) -> Page:
        self._request()
        self._answer()
        return Page(self.runs.values())

    def create_run(self, experiment: str, start_time: int | None, tags: Mapping[str, str]) -> Any:
        self._request()
        key = f"run{len(self.rows)}"
        data = SimpleNamespace(tags=dict(tags), params={}, metrics={})
        info = SimpleNamespace(run_id=key, status=RunStatus.RUNNING, artifact_uri=f"artifacts/{key}")
        self.runs[key] = SimpleNamespace(info=info, data=data)
        self.rows[key] = set()
        self._answer()
        return self.runs[key]

    def delete_run(self, key: str) -> None:
        self._request()
        del self.runs[key]
        self._answer()

    def log_batch(self, key: str, metrics: Sequence[Any] = (), params: Sequence[Any] = (), tags: Any = ()) -> None:
        self._request()
        data = self.runs[key].data
        for param in params:
            assert data.params.setdefault(param.key, param.value) == param.value, "MLflow refuses to change a param"
        self.rows[key] |= {(metric.key, metric.step, metric.timestamp, repr(metric.value)) for metric in metrics}
        data.metrics |= {metric.key: metric.value for metric in metrics}
        data.tags |= {tag.key: tag.value for tag in tags}
        self._answer()

    def get_metric_history(self, key: str, name: str) -> list[Any]:
        self._request()
        self._answer()
        rows = sorted(row for row in self.rows[key] if row[0] == name)
        return [SimpleNamespace(key=name, step=step, timestamp=at, value=float(value)) for _, step, at, value in rows]

    def log_artifact(self, key: str, path: str, folder: str | None = None) -> None:
        self._request()
        self._answer()

    def get_run(self, key: str) -> Any:
        self._request()
        self._answer()
        return self.runs[key]

    def update_run(self, key: str, status: str) -> None:
        self._request()
        self.runs[key].info.status = status
        self._answer()

    def set_terminated(self, key: str, status: str, end_time: int | None = None) -> None:
        self.update_run(key, status)


class ManualTracker:
    """A tracker without a thread: it keeps the newest record of each trial and syncs when it is told to.

    `check` is called with each record that it gets. Implements Tracker.
    """

    def __init__(self, store: FakeMlflow, check: Callable[[TrialRecord], None]) -> None:
        sweep = TrackedSweep("sst5-0000", "0000", id="1", dataset=DataIdentity("sst5"))
        self.runs = RunRegistry("memory:", sweep, artifacts=None, on_answer=lambda: None)
        self.synchronizer = RunSynchronizer(self.runs, SweepDescription({"seed": "0"}))
        self.runs.client, self.check = store, check
        self.records: dict[int, TrialRecord] = {}
        self.pending: dict[int, TrialRecord] = {}

    def update(self, record: TrialRecord) -> None:
        self.check(record)
        self.records[record.trial.number] = self.pending[record.trial.number] = record

    def sync(self, most: int) -> None:
        """Sync up to `most` runs. A run that MLflow does not accept goes to the end of the queue."""
        for _ in range(min(most, len(self.pending))):
            number = next(iter(self.pending))
            record = self.pending.pop(number)
            try:
                if not self.runs.is_current:
                    self.runs.refresh()
                self.synchronizer.sync_trial(record, run_status(record, RunStatus.RUNNING), {})
            except OSError:
                self.pending.setdefault(number, record)

    def close(self, status: RunStatus) -> None:
        """Sync everything and end the sweep's own run."""
        self.runs.refresh()
        for record in self.records.values():
            self.synchronizer.sync_trial(record, run_status(record, status), {})
        self.synchronizer.delete_other_runs(self.records)
        self.synchronizer.parents.sync_sweep({}, (), {}, 0)
        self.synchronizer.parents.finish(status, 0)


def check_store(store: FakeMlflow, records: Sequence[TrialRecord]) -> Iterator[str]:
    """Name what differs between MLflow and the record of a finished sweep."""
    expected = {record.trial.number: record for record in records}
    parents = {PARENT, *(CONFIRMATION for record in records if record.trial.source_trial)}
    keys = {run_number(run): key for key, run in store.runs.items()}
    numbers = sorted(run_number(run) for run in store.runs.values())
    if numbers != sorted({*parents, *expected}):
        yield f"MLflow: has runs of {numbers}, the record {sorted(expected)}"
        return
    for number, key in keys.items():
        run = store.runs[key]
        if number in parents:
            if run.info.status != "FINISHED":
                yield f"MLflow: the run {run.data.tags['mlflow.runName']} is {run.info.status}"
            continue
        record = expected[number]
        metrics = metric_rows(record) + best_rows(record, ObjectiveMetric())
        rows, status = comparable_rows(metrics), run_status(record, RunStatus.FINISHED)
        if (run.info.status, rows) != (status, store.rows[key]):
            yield f"MLflow, trial {number}: is {run.info.status} with {sorted(store.rows[key])}"
        if run.data.tags["mlflow.parentRunId"] != keys[CONFIRMATION if record.trial.source_trial else PARENT]:
            yield f"MLflow, trial {number}: has the wrong parent"
