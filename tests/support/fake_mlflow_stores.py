"""A real MLflow store filled with made-up sweeps, which have the tags and files that the tracker gives them."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.sweep_results import SweepResults
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, Predictions
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial

PARENT = 0


def create_empty_store(folder: Path) -> Path:
    """Create a store with MLflow's tables and no run in a folder, and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlflow.db").write_bytes(_empty_store())
    return folder / "mlflow.db"


@cache
def _empty_store() -> bytes:
    """Return the file of an empty store. MLflow needs a second for its tables, so each process makes them once."""
    from sweeper.tracking.client import open_store

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        open_store(f"sqlite:///{path}").search_experiments()
        return path.read_bytes()


class FilledStore:
    """A store to fill. New experiments keep their files in `files`, or where the store decides."""

    def __init__(self, uri: str, scratch: Path, files: Path | None = None) -> None:
        from mlflow import MlflowClient

        self.uri, self.scratch, self.files = uri, scratch, files
        self.client = MlflowClient(tracking_uri=uri)
        self.created = 1_763_700_000_000

    @classmethod
    def copy_of(cls, empty: Path, folder: Path) -> "FilledStore":
        """Return a store in a folder of its own: a copy of an `empty` one."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(empty, folder / "mlflow.db")
        return cls(f"sqlite:///{folder / 'mlflow.db'}", folder, folder / "artifacts")

    def experiment_id(self, name: str) -> str:
        """Return the id of the experiment with this name, which is created if it is missing."""
        experiment = self.client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(self.client.create_experiment(name, artifact_location=self.files and self.files.as_uri()))

    def add_sweep(
        self,
        finished: FinishedSweep,
        id: str = "one",
        *,
        experiment: str = "",
        results: bool = True,
        status: RunStatus = RunStatus.FINISHED,
    ) -> dict[int, str]:
        """Add a sweep, unfinished without `results`. Return the ids of its runs by trial; PARENT is its own."""
        from mlflow.entities import Metric

        values = finished.results
        experiment_id = self.experiment_id(experiment or values.dataset)
        tags = {"mlflow.runName": values.sweep, "test_accesses": str(len(values.test_accesses))}
        tags |= {"test_split": values.test_split.digest} if values.test_split else {}
        own = self.add_run(experiment_id, values, "sweep", id, **tags)
        runs = {PARENT: own}
        seeds = [seed for confirmation in values.confirmations for seed in confirmation.seeds]
        for seed in seeds:
            tested = "1" if seed.test else ""
            runs[seed.trial] = self.add_run(experiment_id, values, "confirm", id, trial=str(seed.trial), tested=tested)
            rows = [Metric(name, score, 0, 4) for name, score in (seed.test or {}).items()]
            self.client.log_batch(runs[seed.trial], rows)
            if seed.trial in finished.predictions:
                self.add_file(
                    runs[seed.trial], "predictions/test.parquet", predictions_file(finished, seed.trial, self.scratch)
                )
        if results:
            self.add_file(own, "results.json", values.to_json().encode())
        self.client.set_terminated(own, status)
        return runs

    def add_run(self, experiment: str, results: SweepResults, stage: str, id: str, **tags: str) -> str:
        """Create a run with the tags that say which sweep it belongs to, and return its id."""
        self.created += 1
        identity = {"sweep": results.sweep.rpartition("-")[2], "id": id, "dataset": results.dataset}
        every = identity | {"stage": stage, "created": str(self.created)} | tags
        named = {name if "." in name else f"sweeper.{name}": value for name, value in every.items()}
        return str(self.client.create_run(experiment, tags=named).info.run_id)

    def add_file(self, run: str, name: str, content: bytes) -> None:
        """Upload a file to a run, as the tracker does."""
        from sweeper.tracking.artifacts import ArtifactUploader
        from sweeper.tracking.data_identity import DataIdentity
        from sweeper.tracking.run_registry import RemoteRun, RunRegistry
        from sweeper.tracking.tracked_sweep import TrackedSweep

        sweep = TrackedSweep(name="", fingerprint="", id="", dataset=DataIdentity(""))
        runs = RunRegistry("", sweep, artifacts=None, on_answer=lambda: None)
        runs.client = self.client
        ArtifactUploader(runs).upload(
            RemoteRun(run, "RUNNING", dict(self.client.get_run(run).data.tags), {}), {name: content}
        )

    def path_of(self, run: str, name: str) -> Path:
        """Return the path of a run's file."""
        assert self.files is not None
        return self.files / run / "artifacts" / name


def predictions_file(finished: FinishedSweep, trial: int, scratch: Path) -> bytes:
    """Return the predictions of a trial as sweeper stores them."""
    from sweeper.storage import predictions

    answers: TestPredictions = finished.predictions[trial]
    labels = tuple(finished.results.labels)
    probabilities = np.eye(len(labels), dtype=np.float32)[answers.predictions]
    scored = ModelScores({"test": Predictions(answers.labels, probabilities)})
    predictions.save_predictions(scratch, Trial(trial, 0, {}, TrainConfig(encoder="m")), labels, scored)
    return predictions.predictions_path(scratch, trial, "test").read_bytes()
