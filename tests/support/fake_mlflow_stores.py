"""Finished sweeps put into a real MLflow store, with the tags and the files that the tracker gives them."""

import shutil
from pathlib import Path

import numpy as np

from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.sweep_results import SweepResults
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, Predictions
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial

PARENT = 0


def made(path: Path) -> Path:
    """An empty store: MLflow's tables, and no run."""
    from sweeper.tracking.client import open_store

    open_store(f"sqlite:///{path / 'mlflow.db'}").search_experiments()
    return path / "mlflow.db"


class Shelf:
    """A store that is filled; a new experiment keeps its files in `files`, or where the store says."""

    def __init__(self, uri: str, scratch: Path, files: Path | None = None) -> None:
        from mlflow import MlflowClient

        self.uri, self.scratch, self.files = uri, scratch, files
        self.client = MlflowClient(tracking_uri=uri)
        self.created = 1_763_700_000_000

    @classmethod
    def copied(cls, empty: Path, folder: Path) -> "Shelf":
        """A store in a folder of its own, a copy of an `empty` one."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(empty, folder / "mlflow.db")
        return cls(f"sqlite:///{folder / 'mlflow.db'}", folder, folder / "artifacts")

    def experiment(self, name: str) -> str:
        """The id of the experiment with this name, which is made where it is not there."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(self.client.create_experiment(name, artifact_location=self.files and self.files.as_uri()))

    def put(
        self,
        finished: FinishedSweep,
        id: str = "one",
        *,
        experiment: str = "",
        results: bool = True,
        status: RunStatus = RunStatus.FINISHED,
    ) -> dict[int, str]:
        """Put a sweep there, half finished without its `results`; its runs by trial, its own as PARENT."""
        from mlflow.entities import Metric

        values = finished.results
        place = self.experiment(experiment or values.dataset)
        own = self.run(place, values, "sweep", id, **{"mlflow.runName": values.sweep})
        runs = {PARENT: own}
        seeds = [seed for confirmation in values.confirmations for seed in confirmation.seeds]
        for seed in seeds:
            tested = "1" if seed.test else ""
            runs[seed.trial] = self.run(place, values, "confirm", id, trial=str(seed.trial), tested=tested)
            rows = [Metric(name, score, 0, 4) for name, score in (seed.test or {}).items()]
            self.client.log_batch(runs[seed.trial], rows)
            if seed.trial in finished.predictions:
                self.keep(runs[seed.trial], "predictions/test.parquet", parquet(finished, seed.trial, self.scratch))
        if results:
            self.keep(own, "results.json", values.to_json().encode())
        self.client.set_terminated(own, status)
        return runs

    def run(self, experiment: str, results: SweepResults, stage: str, id: str, **tags: str) -> str:
        """One run with the tags that say whose it is."""
        self.created += 1
        whose = {"sweep": results.sweep.rpartition("-")[2], "id": id, "dataset": results.dataset}
        every = whose | {"stage": stage, "created": str(self.created)} | tags
        named = {name if "." in name else f"sweeper.{name}": value for name, value in every.items()}
        return str(self.client.create_run(experiment, tags=named).info.run_id)

    def keep(self, run: str, name: str, content: bytes) -> None:
        """Give a run a file, as the tracker does."""
        from sweeper.tracking.artifacts import ArtifactUploader
        from sweeper.tracking.run_registry import RemoteRun, RunRegistry

        runs = RunRegistry("", "", "", None, lambda: None)
        runs.client = self.client
        ArtifactUploader(runs).upload(
            RemoteRun(run, "RUNNING", dict(self.client.get_run(run).data.tags), {}), {name: content}
        )

    def file(self, run: str, name: str) -> Path:
        """Where a file of a run lies."""
        assert self.files is not None
        return self.files / run / "artifacts" / name


def parquet(finished: FinishedSweep, trial: int, scratch: Path) -> bytes:
    """The answers of a trial as sweeper keeps them."""
    from sweeper.storage import predictions

    answers: TestPredictions = finished.predictions[trial]
    labels = tuple(finished.results.labels)
    probabilities = np.eye(len(labels), dtype=np.float32)[answers.predictions]
    scored = ModelScores({"test": Predictions(answers.labels, probabilities)})
    predictions.save_predictions(scratch, Trial(trial, 0, {}, TrainConfig(encoder="m")), labels, scored)
    return predictions.predictions_path(scratch, trial, "test").read_bytes()
