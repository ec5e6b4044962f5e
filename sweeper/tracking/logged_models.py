"""The winner's model in the store: made once, below its run, with the figures of its epoch.

A tag of the run says which model is there. What MLflow interrupts goes on where it was; a model whose making was cut
off with the command is deleted, and made anew.
"""

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric, RunTag
from mlflow.models.model import Model as Described

from sweeper.tracking.artifacts import ArtifactUploader
from sweeper.tracking.model_export import ModelExport
from sweeper.tracking.outage import retry_once
from sweeper.tracking.run_registry import RemoteRun, RunRegistry
from sweeper.tracking.trial_payload import metric_rows
from sweeper.trials.trial import TrialRecord

TAG = "sweeper.model"


@dataclass
class _Making:
    """A model that is being made: its files lie in `place`, and those in `left` are still to be sent."""

    id: str
    place: "tempfile.TemporaryDirectory[str]" = field(default_factory=tempfile.TemporaryDirectory)
    left: list[Path] = field(default_factory=list)


class LoggedModels:
    """Makes the models of a sweep's `runs`."""

    def __init__(self, runs: RunRegistry, files: ArtifactUploader) -> None:
        self.runs, self.files = runs, files
        self._making: dict[str, _Making] = {}  # by run

    def make(self, run: RemoteRun, state: TrialRecord, winner: ModelExport) -> None:
        """Make the model of a trial's run that does not have it yet."""
        if run.tags.get(TAG) != winner.digest:
            self.files.attempt(run, lambda: self._make(run, state, winner))

    def _make(self, run: RemoteRun, state: TrialRecord, winner: ModelExport) -> None:
        client, step = self.runs.client, state.test.step if state.test else 0
        id = self._made(run, winner)
        if id is None:
            making = self._making.get(run.id) or self._begin(run, winner)
            self._upload(run, making)
            id = making.id
            figures = [
                Metric(name, value, at, at_step, id)
                for name, at_step, at, value in metric_rows(state)
                if at_step == step
            ]
            client.log_batch(run.id, metrics=figures)
            client.finalize_logged_model(id, LoggedModelStatus.READY)
            self._making.pop(run.id).place.cleanup()
        if id not in [output.model_id for output in client.get_run(run.id).outputs.model_outputs]:
            client.log_outputs(run.id, [LoggedModelOutput(id, step)])
        client.log_batch(run.id, tags=[RunTag(TAG, winner.digest)])
        run.tags[TAG] = winner.digest

    def _made(self, run: RemoteRun, winner: ModelExport) -> str | None:
        """The model of the run that is there and whole; what else there is of the run's is deleted."""
        found, making = None, self._making.get(run.id)
        for model in self._models(run):
            if model.status == LoggedModelStatus.READY and model.tags.get(TAG) == winner.digest:
                found = str(model.model_id)
            elif making is None or model.model_id != making.id:
                self.runs.client.delete_logged_model(model.model_id)
        return found

    def _models(self, run: RemoteRun) -> list[Any]:
        return list(self.runs.client.search_logged_models([self.runs.experiment], f"source_run_id = '{run.id}'"))

    def _begin(self, run: RemoteRun, winner: ModelExport) -> _Making:
        """Make a model that has no files yet, and write them on this machine."""
        name, params = re.sub(r"[^\w-]", "-", winner.name), {key: str(value) for key, value in winner.config.items()}
        model = self.runs.client.create_logged_model(
            self.runs.experiment, name, run.id, {TAG: winner.digest}, params, "text classifier"
        )
        making = _Making(str(model.model_id))
        place, id = Path(making.place.name) / "model", making.id
        winner.write(place, Described(artifact_path=model.artifact_location, run_id=run.id, model_uuid=id, model_id=id))
        making.left = sorted(path for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        self._making[run.id] = making
        return making

    def _upload(self, run: RemoteRun, making: _Making) -> None:
        """Send the files that are left, each alone: MLflow sends a folder of them, below a folder of the model."""
        root = Path(making.place.name) / "model"
        while making.left:
            path = making.left[0]
            below = path.parent.relative_to(root)
            self._send(making.id, path, None if below == Path() else below.as_posix())
            making.left.pop(0)
            self.files.taken(run)

    def _send(self, id: str, path: Path, folder: str | None) -> None:
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / path.name).symlink_to(path)
            retry_once(lambda: self.runs.client.log_model_artifacts(id, place, folder))
