"""The best model of a sweep as a logged model in MLflow: created once, below its run, with the metrics of its epoch.

A tag of the run says which model it has. If MLflow fails during the upload, the upload continues later with the files
that are left. A model that an earlier command left incomplete is deleted and created again.
"""

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric, RunTag
from mlflow.models.model import Model

from sweeper.tracking.artifacts import ArtifactUploader
from sweeper.tracking.model_export import ModelExport
from sweeper.tracking.outage import retry_once
from sweeper.tracking.run_registry import RemoteRun, RunRegistry
from sweeper.tracking.sweep_description import NOTE_TAG
from sweeper.tracking.trial_payload import metric_rows
from sweeper.trials.trial import TrialRecord

MODEL_TAG = "sweeper.model"
URI_TAG = "sweeper.model_uri"  # for mlflow.pyfunc.load_model
_MODEL = "the model"  # in messages


@dataclass
class _Upload:
    """A model whose files are being uploaded from a temporary folder; those in `remaining` are still to be sent."""

    model_id: str
    temporary: "tempfile.TemporaryDirectory[str]" = field(default_factory=tempfile.TemporaryDirectory)
    remaining: list[Path] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return Path(self.temporary.name) / "model"


class LoggedModels:
    """Logs the models of a sweep's runs."""

    def __init__(self, runs: RunRegistry, uploader: ArtifactUploader) -> None:
        self.runs, self.uploader = runs, uploader
        self._uploads: dict[str, _Upload] = {}  # by run id

    def sync(self, run: RemoteRun, record: TrialRecord, model: ModelExport) -> None:
        """Log the model of a trial's run unless the run's tags say that it is there."""
        self.uploader.try_upload(run, _MODEL, lambda: self._log(run, record, model))

    def _log(self, run: RemoteRun, record: TrialRecord, model: ModelExport) -> None:
        if run.tags.get(MODEL_TAG) == model.digest and URI_TAG in run.tags:
            return
        client, step = self.runs.client, record.test.step if record.test else 0
        model_id = self._find_complete(run, model)
        if model_id is None:
            upload = self._uploads.get(run.id) or self._create(run, model)
            model_id = upload.model_id
            self._upload_files(run, upload)
            client.log_batch(run.id, metrics=_metrics_at(record, step, model_id))
            client.finalize_logged_model(model_id, LoggedModelStatus.READY)
            self._uploads.pop(run.id).temporary.cleanup()
        if model_id not in [output.model_id for output in client.get_run(run.id).outputs.model_outputs]:
            client.log_outputs(run.id, [LoggedModelOutput(model_id, step)])
        tags = {MODEL_TAG: model.digest, URI_TAG: f"models:/{model_id}"}
        client.log_batch(run.id, tags=[RunTag(name, value) for name, value in tags.items()])
        run.tags |= tags

    def _find_complete(self, run: RemoteRun, model: ModelExport) -> str | None:
        """Return the id of the run's complete model, or None. Delete its other models, unless being uploaded."""
        complete, upload = None, self._uploads.get(run.id)
        for stored in self._stored_models(run):
            if stored.status == LoggedModelStatus.READY and stored.tags.get(MODEL_TAG) == model.digest:
                complete = str(stored.model_id)
            elif upload is None or stored.model_id != upload.model_id:
                self.runs.client.delete_logged_model(stored.model_id)
        return complete

    def _stored_models(self, run: RemoteRun) -> list[Any]:
        return list(self.runs.client.search_logged_models([self.runs.experiment], f"source_run_id = '{run.id}'"))

    def _create(self, run: RemoteRun, model: ModelExport) -> _Upload:
        """Create a logged model without files in MLflow, and write its files to a temporary folder."""
        name, params = re.sub(r"[^\w-]", "-", model.name), {key: str(value) for key, value in model.config.items()}
        tags = {MODEL_TAG: model.digest, NOTE_TAG: model.describe()}
        created = self.runs.client.create_logged_model(
            self.runs.experiment, name, run.id, tags, params, "text classifier"
        )
        upload = _Upload(str(created.model_id))
        id, location = upload.model_id, created.artifact_location
        model.write(upload.folder, Model(artifact_path=location, run_id=run.id, model_uuid=id, model_id=id))
        files = (path for path in upload.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        upload.remaining = sorted(files)
        self._uploads[run.id] = upload
        return upload

    def _upload_files(self, run: RemoteRun, upload: _Upload) -> None:
        while upload.remaining:
            path = upload.remaining[0]
            folder = path.parent.relative_to(upload.folder)
            self._upload_file(upload.model_id, path, None if folder == Path() else folder.as_posix())
            upload.remaining.pop(0)
            self.uploader.record_accepted(run, _MODEL)

    def _upload_file(self, model_id: str, path: Path, folder: str | None) -> None:
        """Upload one file into a folder of the model. MLflow takes whole directories, so the file gets its own."""
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / path.name).symlink_to(path)
            retry_once(lambda: self.runs.client.log_model_artifacts(model_id, directory, folder))


def _metrics_at(record: TrialRecord, step: int, model_id: str) -> list[Metric]:
    """Return the metrics of a trial at one step, linked to a model."""
    return [
        Metric(name, value, at, row_step, model_id)
        for name, row_step, at, value in metric_rows(record)
        if row_step == step
    ]
