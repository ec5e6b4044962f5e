"""Makes the runs of a sweep's trials in MLflow equal to its record. Doing it again changes nothing.

A metric row carries the time of its report, and MLflow stores equal rows once. Tags are sent with the last metrics;
they say how many reports there are, and when the test split was scored. So a run whose tags and status match the
record is up to date, if it also has the parameters and last values, of which a damaged store can lack some. Rows and
parameters cannot be taken back: a run that has others than the record, or more since the record lost its last lines in
a crash, is deleted and created again.
"""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mlflow.entities import Metric, Param, RunTag

from sweeper.tracking.artifacts import ArtifactUploader, Content
from sweeper.tracking.best_rows import best_rows, best_tags
from sweeper.tracking.client import CONFIRMATION, PARENT, decode_infinity
from sweeper.tracking.parent_runs import ParentRuns
from sweeper.tracking.run_registry import RemoteRun, RunRegistry
from sweeper.tracking.sweep_description import SweepDescription
from sweeper.tracking.trial_payload import (
    MetricRow,
    comparable_rows,
    metric_rows,
    run_name,
    run_note,
    run_params,
    run_tags,
)
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial, TrialRecord

if TYPE_CHECKING:
    from sweeper.tracking.logged_models import LoggedModels
    from sweeper.tracking.model_export import ModelExport

_BATCH = 800  # rows in one request, which may hold 1000 rows, parameters and tags


class RunSynchronizer:
    """Syncs the runs of trials; `parents` syncs those above them.

    A method makes a few requests, and raises what MLflow's client raises. `description` is for the sweep's own run.
    """

    def __init__(self, runs: RunRegistry, description: SweepDescription) -> None:
        self.runs, self.objective = runs, description.objective
        self.uploader = ArtifactUploader(runs)
        self.parents = ParentRuns(runs, description, self.uploader)
        self._models: LoggedModels | None = None

    def is_synced(self, record: TrialRecord, status: RunStatus) -> bool:
        """Return True if MLflow has a trial as recorded and with this status, as far as known. Makes no request."""
        run = self.runs.by_number.get(record.trial.number)
        if run is None or run.status != status or not run.has_tags(self._tags(record)):
            return False
        return run.is_verified or self._has_values(run, record)

    def sync_trial(self, record: TrialRecord, status: RunStatus, files: Mapping[str, Content]) -> None:
        """Make the run of a trial equal to its record, give it a status, and upload its files.

        A run that is up to date costs no request.
        """
        if record.trial.source_trial:
            self.parents.sync_confirmation(record.started_at)
        tags = self._tags(record)
        run = self._find_run(record, status, tags) or self._create_run(record)
        if status == RunStatus.RUNNING:
            self.runs.reopen(run)
        missing_params = {} if run.has_params else run.missing_params(run_params(record.trial))
        if missing_params or run.lacks_rows or not run.has_tags(tags):
            self._log(run, record, missing_params, tags)
        run.has_params = True
        if run.status != status:
            self.runs.terminate(run, status, record.last_moment or None)
        traceback = {"error.txt": record.end.traceback} if record.end and record.end.traceback else {}
        self.uploader.upload(run, {**traceback, **files})

    def sync_pictures(self, record: TrialRecord, pictures: Mapping[str, Content]) -> None:
        """Draw and upload the pictures of a trial's run."""
        self.uploader.upload(self.runs.by_number[record.trial.number], pictures)

    def sync_model(self, record: TrialRecord, model: "ModelExport") -> None:
        """Log the model of a trial below its run."""
        from sweeper.tracking.logged_models import LoggedModels  # takes seconds to import; most commands log no model

        self._models = self._models or LoggedModels(self.runs, self.uploader)
        self._models.sync(self.runs.by_number[record.trial.number], record, model)

    def delete_other_runs(self, records: Mapping[int, TrialRecord]) -> None:
        """Delete the runs of trials that the record lost in a crash."""
        parents = {PARENT, *(CONFIRMATION for record in records.values() if record.trial.source_trial)}
        for number in sorted(self.runs.by_number.keys() - records.keys() - parents):
            self.runs.delete(number)

    def _tags(self, record: TrialRecord) -> dict[str, str]:
        trial = record.trial
        parent = self.runs.id_of(CONFIRMATION if trial.source_trial else PARENT)
        parent_tag = {"mlflow.parentRunId": parent}
        return self.runs.stage_tags(trial.stage) | parent_tag | run_tags(record) | best_tags(record, self.objective)

    def _rows(self, record: TrialRecord, skip_reports: int = 0) -> list[MetricRow]:
        """Return every metric row of a trial, without those of its first `skip_reports` reports."""
        return metric_rows(record, skip_reports) + best_rows(record, self.objective, skip_reports)

    def _find_run(self, record: TrialRecord, status: RunStatus, tags: Mapping[str, str]) -> RemoteRun | None:
        """Return the run of a trial, or None. Delete a run from before that has what the record does not have."""
        run = self.runs.by_number.get(record.trial.number)
        if run is None or run.is_verified:
            return run
        has_values = self._has_values(run, record)
        is_complete = record.end is not None and run.status == status and run.has_tags(tags) and has_values
        if not is_complete and self._contradicts(run, record):
            self.runs.delete(record.trial.number)
            return None
        run.is_verified, run.lacks_rows = True, not has_values
        return run

    def _has_values(self, run: RemoteRun, record: TrialRecord) -> bool:
        """Return True if a run, as MLflow listed it, has the parameters and the last value of each metric of a trial.

        Its tags say that all of it was sent. But a store can lose rows, and other programs can change them.
        """
        if run.missing_params(run_params(record.trial)):
            return False
        rows = sorted(self._rows(record), key=lambda row: row[1])  # by step
        last_values = {name: value for name, _, _, value in rows}
        return all(_is_equal(run.metrics.get(name), value) for name, value in last_values.items())

    def _contradicts(self, run: RemoteRun, record: TrialRecord) -> bool:
        """Return True if a run has a parameter or a metric row that the record does not have."""
        if not run.params.items() <= run_params(record.trial).items():
            return True
        return not comparable_rows(self._stored_rows(run)) <= comparable_rows(self._rows(record))

    def _stored_rows(self, run: RemoteRun) -> Iterator[MetricRow]:
        """Yield every metric row that MLflow has of a run."""
        for name in run.metrics:
            for row in self.runs.client.get_metric_history(run.id, name):
                yield row.key, row.step, row.timestamp, decode_infinity(row.value)

    def _create_run(self, record: TrialRecord) -> RemoteRun:
        """Create the run of a trial with the tags of a trial that has no reports yet."""
        trial: Trial = record.trial
        tags = self._tags(TrialRecord(trial)) | {"mlflow.note.content": run_note(trial)}
        return self.runs.create(trial.number, tags, run_name(trial), record.started_at)

    def _log(self, run: RemoteRun, record: TrialRecord, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Log the metrics that MLflow may be missing, and with the last of them parameters and tags that changed."""
        changed_tags = {name: text for name, text in tags.items() if run.tags.get(name) != text}
        metrics = [Metric(name, value, at, step) for name, step, at, value in self._rows(record, run.reports)]
        while len(metrics) > _BATCH:
            self.runs.client.log_batch(run.id, metrics=metrics[:_BATCH])
            metrics = metrics[_BATCH:]
        self.runs.client.log_batch(
            run.id,
            metrics,
            [Param(name, text) for name, text in params.items()],
            [RunTag(name, text) for name, text in changed_tags.items()],
        )
        run.reports, run.lacks_rows = len(record.reports), False
        run.params |= params
        run.tags |= tags


def _is_equal(stored: float | None, value: float) -> bool:
    """Return True if MLflow has this value of a metric. Some stores round it."""
    if stored is None or math.isnan(value):
        return stored is not None and math.isnan(stored)
    return math.isclose(decode_infinity(stored), value, rel_tol=1e-9)
