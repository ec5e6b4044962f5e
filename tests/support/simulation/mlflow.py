"""MLflow as a sweep's world has it: its client and store in memory, which refuse, or take a request and never answer.

What brings the runs level is real, but for its thread: here it sends when it is told to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sweeper.tracking.client import CONFIRMATION, PARENT, run_number
from sweeper.tracking.run_registry import RunRegistry
from sweeper.tracking.run_sync import RunSynchronizer
from sweeper.tracking.sweep_description import SweepDescription
from sweeper.tracking.trial_payload import comparable_rows, metric_rows, run_status
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord
from tests.support.simulation.world import Killed


class Page(list[Any]):
    """A page of runs, the last."""

    token = None


class FakeMlflow:
    """MLflow's client and its store, in memory. `state` is "up", "down" (it refuses) or "deaf" (it never answers).

    `left` requests are taken before the process that asks is killed; None for ever.
    """

    def __init__(self) -> None:
        self.state = "up"
        self.left: int | None = None
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
        return SimpleNamespace(experiment_id="1")

    def search_runs(self, *_: Any, **__: Any) -> Page:
        self._request()
        self._answer()
        return Page(self.runs.values())

    def create_run(self, experiment: str, start_time: int | None, tags: Mapping[str, str]) -> Any:
        self._request()
        key = f"run{len(self.rows)}"
        data = SimpleNamespace(tags=dict(tags), params={}, metrics={})
        self.runs[key] = SimpleNamespace(info=SimpleNamespace(run_id=key, status=RunStatus.RUNNING), data=data)
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
            assert data.params.setdefault(param.key, param.value) == param.value, "MLflow refuses another value"
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
    """The port Tracker without its thread: the newest state of each trial, sent when it is told to.

    `look` is called with each state as it comes, to see whether the record has it by then.
    """

    def __init__(self, store: FakeMlflow, look: Callable[[TrialRecord], None]) -> None:
        self.runs = RunRegistry(
            "memory:", sweep="sst5-0000", id="1", dataset="sst5", artifacts=None, on_answer=lambda: None
        )
        self.level = RunSynchronizer(self.runs, SweepDescription({"seed": "0"}))
        self.runs.client, self.look = store, look
        self.states: dict[int, TrialRecord] = {}
        self.wanted: dict[int, TrialRecord] = {}

    def update(self, recorded: TrialRecord) -> None:
        self.look(recorded)
        self.states[recorded.trial.number] = self.wanted[recorded.trial.number] = recorded

    def send(self, most: int) -> None:
        """Bring so many runs level; one that MLflow does not take waits behind the others."""
        for _ in range(min(most, len(self.wanted))):
            number = next(iter(self.wanted))
            state = self.wanted.pop(number)
            try:
                if not self.runs.is_current:
                    self.runs.refresh()
                self.level.sync_trial(state, run_status(state, RunStatus.RUNNING), {})
            except OSError:
                self.wanted.setdefault(number, state)

    def close(self, status: RunStatus) -> None:
        """Look once more, send everything, end the sweep's own run."""
        self.runs.refresh()
        for state in self.states.values():
            self.level.sync_trial(state, run_status(state, status), {})
        self.level.delete_other_runs(self.states)
        self.level.sync_sweep({}, (), {}, 0)
        self.level.finish(status)


def check_store(store: FakeMlflow, recorded: Sequence[TrialRecord]) -> Iterator[str]:
    """What MLflow has otherwise than the record of a finished sweep."""
    expected = {one.trial.number: one for one in recorded}
    above = {PARENT, *(CONFIRMATION for one in recorded if one.trial.source_trial)}
    ids = {run_number(run): key for key, run in store.runs.items()}
    numbers = sorted(run_number(run) for run in store.runs.values())
    if numbers != sorted({*above, *expected}):
        yield f"MLflow: has runs of {numbers}, the record {sorted(expected)}"
        return
    for which, key in ids.items():
        run = store.runs[key]
        if which in above:
            if run.info.status != "FINISHED":
                yield f"MLflow: the run {run.data.tags['mlflow.runName']} is {run.info.status}"
            continue
        one = expected[which]
        if (run.info.status, comparable_rows(metric_rows(one))) != (
            run_status(one, RunStatus.FINISHED),
            store.rows[key],
        ):
            yield f"MLflow, trial {which}: is {run.info.status} with {sorted(store.rows[key])}"
        if run.data.tags["mlflow.parentRunId"] != ids[CONFIRMATION if one.trial.source_trial else PARENT]:
            yield f"MLflow, trial {which}: is another's child"
