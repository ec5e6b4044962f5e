"""The runs of one sweep are brought level with its record, so that doing it again changes nothing.

A row of a metric carries the time of its report, and MLflow keeps equal rows once. The tags of a run come with its last
rows, and say how many reports it has, and whether the test is among them: a run with the tags and the status that it
shall have is level. Rows and parameters cannot be taken back: a run that has what the record lost with a torn tail is
deleted, and made anew.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlflow.entities import Metric, Param, RunTag

from sweeper.tracking import trial_payload
from sweeper.tracking.artifacts import ArtifactUploader, Content
from sweeper.tracking.client import CONFIRMATION, PARENT, decode_infinity
from sweeper.tracking.run_registry import RemoteRun, RunRegistry
from sweeper.tracking.sweep_description import SweepDescription, log_description, log_usage
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.tracking.logged_models import LoggedModels
    from sweeper.tracking.model_export import ModelExport

_BATCH = 800  # rows in one request, which takes 1000 with params and tags


class RunSynchronizer:
    """Brings the `runs` of a sweep level. A method is a few requests, and raises what MLflow's client raises.

    `about` describes the sweep's own run.
    """

    def __init__(self, runs: RunRegistry, about: SweepDescription) -> None:
        self.runs, self.about = runs, about
        self.files = ArtifactUploader(runs)
        self.models: LoggedModels | None = None

    def is_synced(self, state: TrialRecord, status: RunStatus) -> bool:
        """Whether MLflow has a trial as it is, as far as known."""
        run = self.runs.known.get(state.trial.number)
        return run is not None and run.status == status and run.has(self._tags(state))

    def sync_trial(self, state: TrialRecord, status: RunStatus, files: Mapping[str, Content]) -> None:
        """Bring the run of a trial level with it, its files, and to this status; one that is level costs no request."""
        number, trial = state.trial.number, state.trial
        if trial.source_trial:
            self._confirmation()
        tags = self._tags(state)
        self._check(state, level=state.end is not None and self.is_synced(state, status))
        if number not in self.runs.known:
            begun = self._tags(TrialRecord(trial)) | {"mlflow.note.content": trial_payload.note(trial)}
            self.runs.create(number, begun, trial_payload.name(trial), state.started_at)
        run = self.runs.known[number]
        if status == RunStatus.RUNNING:
            self._reopen(run)
        if not run.has(tags) or run.lacks(trial_payload.params(trial)):
            self._log(run, state, tags)
        if run.status != status:
            self.runs.client.set_terminated(run.id, status, end_time=state.ended_at if state.end else None)
            run.status = status
        traceback = {"error.txt": state.end.traceback} if state.end and state.end.traceback else {}
        self.files.upload(run, {**traceback, **files})

    def model(self, state: TrialRecord, winner: "ModelExport") -> None:
        """Make the model of a trial's run."""
        from sweeper.tracking.logged_models import (
            LoggedModels,  # its imports are seconds, and most commands make no model
        )

        self.models = self.models or LoggedModels(self.runs, self.files)
        self.models.make(self.runs.known[state.trial.number], state, winner)

    def delete_other_runs(self, states: Mapping[int, TrialRecord]) -> None:
        """Delete the runs of trials that the record does not have: those that a torn tail took."""
        above = {PARENT, *(CONFIRMATION for state in states.values() if state.trial.source_trial)}
        for number in [number for number in self.runs.known if number not in above and number not in states]:
            self.runs.delete(number)

    def sync_sweep(
        self, files: Mapping[str, Content], gone: Sequence[str], figures: Mapping[str, float], at: int
    ) -> None:
        """Bring the sweep's own run level: description, files, and the figures of what was used until `at`."""
        client, run = self.runs.client, self.runs.known[PARENT]
        log_description(client, run, self.about)
        for name in gone:
            self.files.withdraw(run, name)
        if figures:
            log_usage(client, run, figures, at)
        self.files.upload(run, files)

    def finish(self, status: RunStatus) -> None:
        """Give the run above the confirmed trials this status, and the sweep's own run last.

        KILLED is not for one that had ended otherwise before.
        """
        for above in (CONFIRMATION, PARENT):
            if above in self.runs.known:
                self._end(self.runs.known[above], status)

    def _end(self, run: RemoteRun, status: RunStatus) -> None:
        if status == RunStatus.RUNNING:
            self._reopen(run)
        elif status != run.status and not (
            status == RunStatus.KILLED and run.status in (RunStatus.FINISHED, RunStatus.FAILED)
        ):
            self.runs.client.set_terminated(run.id, status)
            run.status = status

    def _reopen(self, run: RemoteRun) -> None:
        if run.status != RunStatus.RUNNING:
            self.runs.client.update_run(run.id, status=RunStatus.RUNNING)
            run.status = RunStatus.RUNNING

    def _confirmation(self) -> None:
        """The run above the confirmed trials: it is there, and below the sweep's own."""
        tags = self.runs.tags("confirmation") | {"mlflow.parentRunId": self._id(PARENT)}
        if CONFIRMATION not in self.runs.known:
            self.runs.create(CONFIRMATION, tags, "confirm")
        run = self.runs.known[CONFIRMATION]
        if not run.has(tags):
            self.runs.client.log_batch(run.id, tags=[RunTag(*tag) for tag in tags.items()])
            run.tags.update(tags)

    def _tags(self, state: TrialRecord) -> dict[str, str]:
        parent = self._id(CONFIRMATION if state.trial.source_trial else PARENT)
        return self.runs.tags(state.trial.stage) | {"mlflow.parentRunId": parent} | trial_payload.tags(state)

    def _id(self, which: int) -> str:
        return self.runs.known[which].id if which in self.runs.known else ""

    def _check(self, state: TrialRecord, *, level: bool) -> None:
        """Delete a run from before that has what the record does not have; one that was `level` has not."""
        run = self.runs.known.get(state.trial.number)
        if run is None or run.checked:
            return
        same = (
            run.params.items() <= trial_payload.stringify(trial_payload.params(state.trial)).items()
        )  # MLflow takes no second value
        if not level and (
            not same
            or trial_payload.comparable_rows(self._rows_of(run))
            - trial_payload.comparable_rows(trial_payload.metric_rows(state))
        ):
            self.runs.delete(state.trial.number)
        run.checked = True

    def _rows_of(self, run: RemoteRun) -> list[trial_payload.MetricRow]:
        """Every row that MLflow has of a run."""
        histories = (self.runs.client.get_metric_history(run.id, name) for name in run.metrics)
        return [(row.key, row.step, row.timestamp, decode_infinity(row.value)) for rows in histories for row in rows]

    def _log(self, run: RemoteRun, state: TrialRecord, tags: Mapping[str, str]) -> None:
        """Send the rows that MLflow may lack, with the last of them the parameters and the tags."""
        rows = [
            Metric(name, value, at, step) for name, step, at, value in trial_payload.metric_rows(state, run.reports)
        ]
        while len(rows) > _BATCH:
            self.runs.client.log_batch(run.id, metrics=rows[:_BATCH])
            rows = rows[_BATCH:]
        missing = run.lacks(trial_payload.params(state.trial))
        params = [Param(*param) for param in missing.items()]
        self.runs.client.log_batch(run.id, rows, params, [RunTag(*tag) for tag in tags.items()])
        run.reports = len(state.reports)
        run.params |= missing
        run.tags.update(tags)
