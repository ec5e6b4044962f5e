"""The runs of one sweep in MLflow, written so that doing it again changes nothing.

A row of a metric carries the time of its report, and MLflow keeps equal rows once. The tags of a run come with its last
rows, and say how many reports it has: a run with the tags and the status that it shall have is level. Only making a run
can be done twice, where the answer to the first time was lost; `look` finds that, and keeps the one made first. Rows
and parameters cannot be taken back: a run that has what the record lost with a torn tail is deleted, and made anew.
"""

import json
import logging
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlflow.entities import Metric, Param, Run, RunTag

from sweeper.edges.mlflow import PARENT, client_of, identity, made, number, search, value
from sweeper.ports import Recorded

_BATCH = 800  # rows in one request, which takes 1000 with params and tags
_LONGEST = 5000  # characters of a tag
_TRIES = 3  # times that a traceback is sent to an MLflow that answers otherwise

_Row = tuple[str, int, int, str]  # of a metric: its name, step, time, value

_log = logging.getLogger(__name__)


@dataclass
class _Known:
    """A run as MLflow had it when last heard of; `reports` of its trial are surely there."""

    id: str
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    metrics: tuple[str, ...] = ()
    reports: int = 0
    checked: bool = False  # against the record
    tries: int = 0  # to send its traceback

    def has(self, tags: Mapping[str, str]) -> bool:
        """Whether the run has these tags."""
        return tags.items() <= self.tags.items()

    def lacks(self, params: Mapping[str, object]) -> dict[str, str]:
        """Those of these parameters that the run does not have, or has otherwise, as text."""
        return {name: text for name, text in _texts(params).items() if self.params.get(name) != text}


class Runs:
    """The runs of one sweep in an MLflow store. A method is a few requests, and raises what MLflow's client raises.

    `facts` are the parent's parameters; `artifacts` is where a new experiment keeps files, None for a server;
    `answered` is called after each answer; `id` tells the sweep from another of its name, made elsewhere or again.
    """

    def __init__(
        self,
        uri: str,
        sweep: str,
        dataset: str,
        facts: Mapping[str, str],
        artifacts: str | None,
        answered: Callable[[], None],
        id: str = "",
    ) -> None:
        self.uri, self.sweep, self.dataset, self.facts, self.artifacts = uri, sweep, dataset, facts, artifacts
        self.identity = identity(sweep, id)
        self.answered = answered
        self.client: Any = None
        self.experiment = ""
        self.known: dict[int, _Known] = {}
        self.looked = False  # False too after a run was asked for, until that was answered

    def _ask(self, request: Callable[..., Any], *args: Any, **named: Any) -> Any:
        answer = request(*args, **named)
        self.answered()
        return answer

    # ---- looking up

    def look(self) -> None:
        """Learn which runs there are. Of several for one trial, the first made stays; a missing parent is made."""
        self.client = self.client or client_of(self.uri)
        self.experiment = self.experiment or self._find_experiment()
        found: dict[int, list[Run]] = {}
        for run in search(self._ask, self.client, self.experiment, self.identity):
            found.setdefault(number(run), []).append(run)
        before, self.known = self.known, {}
        for trial, runs in found.items():
            first, *others = sorted(runs, key=made)
            for other in others:
                self._ask(self.client.delete_run, other.info.run_id)
            self.known[trial] = _known(first, before.get(trial))
        self.looked = True
        if PARENT not in self.known:
            name = {"mlflow.runName": self.sweep}
            self.known[PARENT] = self._create(self._tags("sweep") | name, None)

    def _find_experiment(self) -> str:
        experiment = self._ask(self.client.get_experiment_by_name, self.dataset)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(self._ask(self.client.create_experiment, self.dataset, artifact_location=self.artifacts))

    def _create(self, tags: dict[str, str], start: int | None) -> _Known:
        """Make a run. Where the answer is lost, the runs have to be looked up before another is made."""
        self.looked = False
        made = {"sweeper.created": str(time.time_ns() // 1_000_000)}
        created = self._ask(self.client.create_run, self.experiment, start_time=start, tags=tags | made)
        self.looked = True
        return replace(_known(created, None), checked=True)

    # ---- sending

    def is_level(self, state: Recorded, status: str) -> bool:
        """Whether MLflow has a trial as it is, as far as known."""
        run = self.known.get(state.trial.number)
        return run is not None and run.status == status and run.has(self._trial_tags(state))

    def send(self, state: Recorded, status: str) -> None:
        """Bring the run of a trial level with it, and to this status; one that is level costs no request."""
        number, tags = state.trial.number, self._trial_tags(state)
        self._check(state, level=state.finish is not None and self.is_level(state, status))
        if number not in self.known:
            name = f"{number} {state.trial.config.loss} {state.trial.config.encoder.rpartition('/')[2]}"
            self.known[number] = self._create(tags | {"sweeper.reports": "0", "mlflow.runName": name}, state.started)
        run = self.known[number]
        if status == "RUNNING":
            self._reopen(run)
        if not run.has(tags) or run.lacks(state.trial.config.used):
            self._log(run, state, tags)
        if state.finish is not None and run.status != status:
            self._keep_traceback(run, state.finish.traceback)
        if run.status != status:
            self._ask(self.client.set_terminated, run.id, status, end_time=state.ended if state.finish else None)
            run.status = status

    def _check(self, state: Recorded, *, level: bool) -> None:
        """Delete a run from before that has what the record does not have; one that was `level` has not."""
        run = self.known.get(state.trial.number)
        if run is None or run.checked:
            return
        same = run.params.items() <= _texts(state.trial.config.used).items()  # MLflow takes no second value
        if not level and (not same or self._rows_of(run) - _kept(state)):
            self._ask(self.client.delete_run, run.id)
            del self.known[state.trial.number]
        run.checked = True

    def _rows_of(self, run: _Known) -> set[_Row]:
        """Every row that MLflow has of a run."""
        histories = (self._ask(self.client.get_metric_history, run.id, name) for name in run.metrics)
        return {_row(row.key, row.step, row.timestamp, value(row.value)) for rows in histories for row in rows}

    def keep_only(self, numbers: Container[int]) -> None:
        """Delete the runs of trials that the record does not have: those that a torn tail took."""
        for trial in [trial for trial in self.known if trial != PARENT and trial not in numbers]:
            self._ask(self.client.delete_run, self.known[trial].id)
            del self.known[trial]

    def end(self, status: str) -> None:
        """Give the parent its parameters and this status. KILLED is not for one that had ended otherwise before."""
        run = self.known[PARENT]
        missing = run.lacks(self.facts)
        if missing:
            self._ask(self.client.log_batch, run.id, params=[Param(*param) for param in missing.items()])
            run.params |= missing
        if status == "RUNNING":
            self._reopen(run)
        elif status != run.status and not (status == "KILLED" and run.status in ("FINISHED", "FAILED")):
            self._ask(self.client.set_terminated, run.id, status)
            run.status = status

    def _reopen(self, run: _Known) -> None:
        if run.status != "RUNNING":
            self._ask(self.client.update_run, run.id, status="RUNNING")
            run.status = "RUNNING"

    def _log(self, run: _Known, state: Recorded, tags: Mapping[str, str]) -> None:
        """Send the rows that MLflow may lack, with the last of them the parameters and the tags."""
        rows = _rows(state, run.reports)
        while len(rows) > _BATCH:
            self._ask(self.client.log_batch, run.id, metrics=rows[:_BATCH])
            rows = rows[_BATCH:]
        missing = run.lacks(state.trial.config.used)
        params = [Param(*param) for param in missing.items()]
        self._ask(self.client.log_batch, run.id, rows, params, [RunTag(*tag) for tag in tags.items()])
        run.reports = len(state.reports)
        run.params |= missing
        run.tags.update(tags)

    def _keep_traceback(self, run: _Known, traceback: str) -> None:
        """Put the traceback of a trial beside its figures; where MLflow takes no files, the record still has it."""
        if not traceback or run.tries == _TRIES:
            return
        try:
            self._ask(self.client.log_text, run.id, traceback, "error.txt")
            run.tries = _TRIES
        except Exception as error:
            run.tries += 1
            if run.tries < _TRIES:
                raise
            _log.warning("MLflow took no file for run %s: %s", run.id, str(error).partition("\n")[0])

    def _tags(self, stage: str) -> dict[str, str]:
        return self.identity | {"sweeper.dataset": self.dataset, "sweeper.stage": stage}

    def _trial_tags(self, state: Recorded) -> dict[str, str]:
        """The tags of a trial's run; `recorded` reads the trial back from them."""
        trial, finish = state.trial, state.finish
        tags = self._tags("search") | {
            "mlflow.parentRunId": self.known[PARENT].id if PARENT in self.known else "",
            "sweeper.trial": str(trial.number),
            "sweeper.cell": str(trial.cell),
            "sweeper.params": json.dumps(dict(trial.params), ensure_ascii=False),
            "sweeper.attempt": str(trial.attempt),
            "sweeper.reports": str(len(state.reports)),
        }
        if finish is not None:
            tags |= {"sweeper.outcome": finish.outcome.value, "sweeper.reason": finish.reason[:_LONGEST]}
        return tags


def status_of(state: Recorded, sweep: str) -> str:
    """MLflow's status for a trial of a sweep with this status: one that has not ended runs, or was cut off."""
    if state.finish is not None:
        return "FINISHED" if state.finish.outcome.healthy else "FAILED"
    return "RUNNING" if sweep == "RUNNING" else "KILLED"


def _known(run: Run, before: _Known | None) -> _Known:
    data = run.data
    found = _Known(run.info.run_id, run.info.status, dict(data.tags), dict(data.params), tuple(data.metrics))
    if before is not None and before.id == found.id:
        found.reports, found.tries, found.checked = before.reports, before.tries, before.checked
    return found


def _texts(params: Mapping[str, object]) -> dict[str, str]:
    """Parameters as MLflow keeps them."""
    return {name: str(value) for name, value in params.items()}


def _kept(state: Recorded) -> set[_Row]:
    """Every row that the record has of a trial."""
    return {_row(metric.key, metric.step, metric.timestamp, metric.value) for metric in _rows(state, 0)}


def _row(name: str, step: int, at: int, value: float) -> _Row:
    return name, step, at, repr(float(value))


def _rows(state: Recorded, sent: int) -> list[Any]:
    """The metrics of the reports that were not sent yet, each with its report's time and step."""
    new = list(zip(state.reports, state.times, strict=True))[sent:]
    return [Metric(name, value, at, report.step) for report, at in new for name, value in report.metrics.items()]
