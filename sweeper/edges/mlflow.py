"""MLflow: the window. A projection of the record, made off the training path.

The tracker keeps for each trial the newest state that the record has, and a thread of its own brings MLflow level with
it, many rows in one request. Every row carries the time of its report, and MLflow keeps equal rows once: sending again
is safe, so a resumed sweep, or one whose MLflow was away for a while, needs no bookkeeping. Trouble with MLflow is
logged, tried again, and never the sweep's.
"""

import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType

from sweeper.outcome import Outcome
from sweeper.ports import Recorded

_log = logging.getLogger(__name__)
_PARENT = 0  # the number of the sweep's own run
_BATCH = 1000  # rows that one request takes
_PAUSE = 5.0  # seconds until MLflow is tried again after an error
_PATIENCE = 30.0  # seconds that `close` waits for MLflow to take what is left


class MlflowTracker:
    """The port Tracker over an MLflow store: one experiment per data set, a parent run per sweep, a child per trial."""

    def __init__(self, uri: str, *, sweep: str, dataset: str, facts: Mapping[str, str], artifacts: str | None) -> None:
        """`facts` are the parent's parameters; `artifacts` is where a new experiment keeps files, None for a server."""
        self.uri, self.sweep, self.dataset = uri, sweep, dataset
        self.fingerprint = sweep.rpartition("-")[2]
        self.facts, self.artifacts = facts, artifacts
        self.states: dict[int, Recorded] = {}
        self.dirty: set[int] = {_PARENT}
        self.status = "RUNNING"
        self.runs: dict[int, str] = {}
        self.sent: dict[int, int] = {}  # reports that MLflow has, by trial
        self.wake = threading.Condition()
        self.over = False
        self.abandoned = False
        self.thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self.thread.start()

    def update(self, recorded: Recorded) -> None:
        """Note the newest state of a trial."""
        with self.wake:
            self.states[recorded.trial.number] = recorded
            self.dirty.add(recorded.trial.number)
            self.wake.notify_all()

    def close(self, status: str) -> None:
        """Send what is left, and end the runs; waits half a minute at most for an MLflow that is away."""
        with self.wake:
            self.status = status
            self.dirty |= {_PARENT, *(n for n, state in self.states.items() if state.finish is None)}
            self.over = True
            self.wake.notify_all()
        self.thread.join(_PATIENCE)
        self.abandoned = True

    @property
    def behind(self) -> int:
        """How many runs MLflow does not have as the record has them."""
        with self.wake:
            return len(self.dirty)

    # ---- the thread

    def _work(self) -> None:
        while True:
            with self.wake:
                self.wake.wait_for(lambda: self.dirty or self.over)
                if not self.dirty:
                    return
                level, ending = sorted(self.dirty), self.over
                self.dirty.clear()
            try:
                self._level(level, ending)
            except Exception as error:
                first_line = str(error).partition("\n")[0]
                _log.warning("MLflow at %s did not take %d runs: %s", self.uri, len(level), first_line)
                with self.wake:
                    self.dirty.update(level)
                self.runs = {}  # a run may have been made all the same: look them up again
                threading.Event().wait(1.0 if self.over else _PAUSE)
                if self.abandoned:
                    return

    def _level(self, numbers: list[int], ending: bool) -> None:
        """Bring these runs level with the record; the parent first, for its children name it, and last, to end it."""
        if not self.runs:
            self._open()
        for number in numbers:
            if number != _PARENT:
                self._child(self.states[number], ending)
        if _PARENT in numbers:
            self._parent()

    def _open(self) -> None:
        """Find the sweep's runs, and make the parent where there is none."""
        self.client = MlflowClient(tracking_uri=self.uri)
        experiment = self.client.get_experiment_by_name(self.dataset)
        self.experiment = (
            experiment.experiment_id
            if experiment
            else self.client.create_experiment(self.dataset, artifact_location=self.artifacts)
        )
        runs: dict[int, str] = {}
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment],
                f"tags.`sweeper.sweep` = '{self.fingerprint}'",
                ViewType.ACTIVE_ONLY,
                page_token=token,
            )
            for run in page:
                stage, number = run.data.tags.get("sweeper.stage"), run.data.tags.get("sweeper.trial", "0")
                if stage in ("sweep", "search"):
                    runs[int(number)] = run.info.run_id
            token = page.token
            if not token:
                break
        if _PARENT not in runs:
            tags = self._tags("sweep") | {"mlflow.runName": self.sweep}
            runs[_PARENT] = self.client.create_run(self.experiment, tags=tags).info.run_id
        params = [Param(name, value) for name, value in self.facts.items()]
        self.client.log_batch(runs[_PARENT], params=params)
        self.runs = runs

    def _tags(self, stage: str) -> dict[str, str]:
        return {"sweeper.sweep": self.fingerprint, "sweeper.dataset": self.dataset, "sweeper.stage": stage}

    def _parent(self) -> None:
        if self.status == "RUNNING":
            self.client.update_run(self.runs[_PARENT], status="RUNNING")
        else:
            self.client.set_terminated(self.runs[_PARENT], self.status)

    def _child(self, state: Recorded, ending: bool) -> None:
        number, finish = state.trial.number, state.finish
        first = number not in self.sent
        if number not in self.runs:
            self.runs[number] = self._create(state)
        run = self.runs[number]
        if first:
            self.client.log_batch(run, params=[Param(k, str(v)) for k, v in state.trial.config.used.items()])
            if finish is None:
                self.client.update_run(run, status="RUNNING")
        rows = _rows(state, self.sent.get(number, 0))
        for start in range(0, len(rows), _BATCH):
            self.client.log_batch(run, metrics=rows[start : start + _BATCH])
        self.sent[number] = len(state.reports)
        if finish is not None:
            tags = [RunTag("sweeper.outcome", finish.outcome.value), RunTag("sweeper.reason", finish.reason)]
            self.client.log_batch(run, tags=tags)
            self._keep_traceback(run, finish.traceback)
            self.client.set_terminated(run, _status(finish.outcome), end_time=state.ended)
        elif ending:
            self.client.set_terminated(run, "KILLED")

    def _keep_traceback(self, run: str, traceback: str) -> None:
        """Put the traceback of a trial beside its figures; where MLflow takes no files, the record still has it."""
        if traceback:
            try:
                self.client.log_text(run, traceback, "error.txt")
            except Exception as error:
                _log.warning("MLflow at %s took no file: %s", self.uri, str(error).partition("\n")[0])

    def _create(self, state: Recorded) -> str:
        config = state.trial.config
        tags = self._tags("search") | {
            "sweeper.trial": str(state.trial.number),
            "mlflow.parentRunId": self.runs[_PARENT],
            "mlflow.runName": f"{state.trial.number} {config.loss} {config.encoder.rpartition('/')[2]}",
        }
        created = self.client.create_run(self.experiment, start_time=state.started, tags=tags)
        return str(created.info.run_id)


def _rows(state: Recorded, sent: int) -> list[Any]:
    """The metrics of the reports that were not sent yet, each with its report's time and step."""
    new = list(zip(state.reports, state.times, strict=True))[sent:]
    return [Metric(name, value, at, report.step) for report, at in new for name, value in report.metrics.items()]


def _status(outcome: Outcome) -> str:
    return "FINISHED" if outcome.healthy else "FAILED"
