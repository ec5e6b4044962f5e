"""MLflow: the window. The runs of one sweep in its store, written so that doing it again changes nothing.

One experiment per data set, a parent run per sweep, a child run per trial. A row of a metric carries the time of its
report, and MLflow keeps equal rows once. The tags of a run come with its last rows, and say how many reports it has: a
run with the tags and the status that it shall have is level. Only making a run can be done twice, where the answer to
the first time was lost; `look` finds that, and keeps the run that was made first. What is in the runs is enough to read
the record's trials back: edges/copied.py.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag, ViewType

from sweeper.ports import Recorded

PARENT = 0  # the number of the sweep's own run
_BATCH = 800  # rows in one request, which takes 1000 with params and tags
_LONGEST = 5000  # characters of a tag
_TRIES = 3  # times that a traceback is sent to an MLflow that answers otherwise

_log = logging.getLogger(__name__)


@dataclass
class _Known:
    """A run as MLflow had it when last heard of; `reports` of its trial are surely there."""

    id: str
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    reports: int = 0
    tries: int = 0  # to send its traceback

    def has(self, tags: Mapping[str, str]) -> bool:
        """Whether the run has these tags."""
        return tags.items() <= self.tags.items()

    def lacks(self, params: Mapping[str, object]) -> dict[str, str]:
        """Those of these parameters that the run does not have, or has otherwise, as text."""
        return {name: str(value) for name, value in params.items() if self.params.get(name) != str(value)}


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
        for run in _search(self._ask, self.client, self.experiment, self.identity):
            found.setdefault(_number(run), []).append(run)
        before, self.known = self.known, {}
        for number, runs in found.items():
            first, *others = sorted(runs, key=_made)
            for other in others:
                self._ask(self.client.delete_run, other.info.run_id)
            self.known[number] = _known(first, before.get(number))
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
        return _known(created, None)

    # ---- sending

    def is_level(self, state: Recorded, status: str) -> bool:
        """Whether MLflow has a trial as it is, as far as known."""
        run = self.known.get(state.trial.number)
        return run is not None and run.status == status and run.has(self._trial_tags(state))

    def send(self, state: Recorded, status: str) -> None:
        """Bring the run of a trial level with it, and to this status; one that is level costs no request."""
        number, tags = state.trial.number, self._trial_tags(state)
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


def client_of(uri: str) -> Any:
    """A client of a store. A database file that is not there yet is made whole, or not at all.

    MLflow makes its tables one after the other, and cannot use a file whose making was cut off.
    """
    kind, _, place = uri.partition("sqlite:///")
    path = Path(place)
    if place and not kind and "?" not in place and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.exists():
                making = path.with_name(f".{path.name}.making")
                for left in (making, making.with_name(f"{making.name}-journal")):
                    left.unlink(missing_ok=True)
                MlflowClient(tracking_uri=f"sqlite:///{making}").search_experiments()
                making.rename(path)
    return MlflowClient(tracking_uri=uri)


def status_of(state: Recorded, sweep: str) -> str:
    """MLflow's status for a trial of a sweep with this status: one that has not ended runs, or was cut off."""
    if state.finish is not None:
        return "FINISHED" if state.finish.outcome.healthy else "FAILED"
    return "RUNNING" if sweep == "RUNNING" else "KILLED"


def identity(sweep: str, id: str) -> dict[str, str]:
    """The tags that all runs of a sweep have, and those of no other."""
    return {"sweeper.sweep": sweep.rpartition("-")[2], **({"sweeper.id": id} if id else {})}


def stored(uri: str, dataset: str, identity: Mapping[str, str]) -> tuple[Any, list[Run]]:
    """A client of the store, and the runs of a sweep's trials there by number; of several the one made first."""
    client = client_of(uri)
    experiment = client.get_experiment_by_name(dataset)
    found: dict[int, Run] = {}
    runs = _search(_ask, client, experiment.experiment_id, identity) if experiment else ()
    for run in sorted(runs, key=_made):
        found.setdefault(_number(run), run)
    return client, [found[number] for number in sorted(found) if number != PARENT]


def _search(ask: Callable[..., Any], client: Any, experiment: str, identity: Mapping[str, str]) -> Iterator[Run]:
    """The runs of a sweep: its own, and those of its trials."""
    token, wanted = None, " and ".join(f"tags.`{name}` = '{value}'" for name, value in identity.items())
    while True:
        page = ask(client.search_runs, [experiment], wanted, ViewType.ACTIVE_ONLY, page_token=token)
        yield from (run for run in page if run.data.tags.get("sweeper.stage") in ("sweep", "search"))
        token = page.token
        if not token:
            return


def _ask(request: Callable[..., Any], *args: Any, **named: Any) -> Any:
    return request(*args, **named)


def _number(run: Run) -> int:
    """The number of a run's trial."""
    return int(run.data.tags.get("sweeper.trial", PARENT))


def _made(run: Run) -> tuple[int, str]:
    """What orders runs by when they were made. Their start is the trial's, and the same for all of a trial."""
    return int(run.data.tags.get("sweeper.created", 0)), run.info.run_id


def _known(run: Run, before: _Known | None) -> _Known:
    found = _Known(run.info.run_id, run.info.status, dict(run.data.tags), dict(run.data.params))
    if before is not None and before.id == found.id:
        found.reports, found.tries = before.reports, before.tries
    return found


def _rows(state: Recorded, sent: int) -> list[Any]:
    """The metrics of the reports that were not sent yet, each with its report's time and step."""
    new = list(zip(state.reports, state.times, strict=True))[sent:]
    return [Metric(name, value, at, report.step) for report, at in new for name, value in report.metrics.items()]
