"""An MLflow store with many runs, as hundreds of sweeps leave it: MLflow's own SQLite file with real artifact files.

A sweep has its own run, the run above its confirmed trials, 9 trials of the search, and 2 systems confirmed with 3
seeds each. Every tenth sweep is unfinished, and one run in ten does not belong to sweeper.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from benchmarks.bold import Shape, fake_sweep, simulate_correct
from sweeper.data.catalog import DATASETS
from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage import predictions
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, Predictions
from sweeper.trials.trial import Trial

ENCODERS = ("google/electra-base-discriminator", "google-bert/bert-base-uncased", "owner/encoder-a", "owner/encoder-b")
SEARCH_TRIALS, SEEDS, SYSTEMS = 9, 3, 2
RUNS_PER_SWEEP = 2 + SEARCH_TRIALS + SEEDS * SYSTEMS
PARAMS = {name: str(value) for name, value in TrainConfig(encoder="m").active_params.items()}


class StoreBuilder:
    """Fills an MLflow store in a folder. `num_runs` is the number of runs in it so far."""

    def __init__(self, folder: Path) -> None:
        from mlflow import MlflowClient

        self.folder, self.num_runs = folder, 0
        self.client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
        self.random = np.random.default_rng(0)

    def get_experiment(self, name: str) -> str:
        """Return the id of an experiment, which is created if it does not exist."""
        experiment = self.client.get_experiment_by_name(name)
        if experiment:
            return str(experiment.experiment_id)
        return str(self.client.create_experiment(name, artifact_location=(self.folder / "artifacts").as_uri()))

    def add_sweep(self, number: int) -> None:
        """Add a sweep with all its runs. Every tenth sweep is unfinished."""
        dataset = list(DATASETS)[number % len(DATASETS)]
        sweep, experiment = self._simulate_sweep(number, dataset), self.get_experiment(dataset)
        is_finished = number % 10 != 9
        files = {"results.json": sweep.results.to_json().encode()} if is_finished else {}
        self._add_run(experiment, sweep, "sweep", {"mlflow.runName": sweep.results.sweep}, {}, files)
        self._add_run(experiment, sweep, "confirmation", {}, {}, {})
        for trial in range(1000, 1000 + SEARCH_TRIALS):
            tags = {"sweeper.trial": str(trial)}
            self._add_run(experiment, sweep, "search", tags, {"validation/accuracy": 0.5}, {})
        for confirmation in sweep.results.confirmations:
            for seed in confirmation.seeds:
                tags = {"sweeper.trial": str(seed.trial), "sweeper.tested": "1"}
                files = {"predictions/test.parquet": self._predictions_file(sweep, seed.trial)}
                self._add_run(experiment, sweep, "confirm", tags, seed.test or {}, files)

    def _simulate_sweep(self, number: int, dataset: str) -> FinishedSweep:
        encoder = ENCODERS[number // len(DATASETS) % len(ENCODERS)]
        sweep = fake_sweep(dataset, list(simulate_correct(self.random, Shape(SYSTEMS, 1, SEEDS))))
        results = sweep.results.to_dict()
        for system, loss in zip(results["systems"], ("ce", "lcl"), strict=True):
            system["system"] = {"encoder": encoder, "loss": loss}
        results["sweep"] = f"{dataset}-{number:08x}"
        results["test_accesses"] = [
            {"at": number * 1000 + trial, "trial": trial, "seed": trial} for trial in sweep.predictions
        ]
        return FinishedSweep(SweepResults.parse(results), sweep.predictions)

    def _predictions_file(self, sweep: FinishedSweep, number: int) -> bytes:
        """Return the content of the file with the test predictions of a trial."""
        model, labels = sweep.predictions[number], tuple(sweep.results.labels)
        scores = ModelScores({"test": Predictions(model.labels, np.eye(2, dtype=np.float32)[model.predictions])})
        folder, trial = self.folder / "scratch", Trial(number, 0, {}, TrainConfig(encoder="m"))
        predictions.save_predictions(folder, trial, labels, scores)
        return predictions.predictions_path(folder, number, "test").read_bytes()

    def _add_run(
        self,
        experiment: str,
        sweep: FinishedSweep,
        stage: str,
        tags: dict[str, str],
        metrics: dict[str, float],
        files: dict[str, bytes],
    ) -> None:
        """Add a run of a sweep, with the tags and files that sweeper writes."""
        dataset, _, fingerprint = sweep.results.sweep.rpartition("-")
        sweep_tags = {"sweep": fingerprint, "id": "id", "dataset": dataset, "stage": stage}
        sweep_tags["created"] = str(self.num_runs)
        digests = {name: hashlib.sha256(content).hexdigest()[:16] for name, content in files.items()}
        sweep_tags["files"] = json.dumps(digests)
        run = self.add_foreign_run(
            experiment, {f"sweeper.{name}": value for name, value in sweep_tags.items()} | tags, metrics
        )
        for name, content in files.items():
            path = self.folder / "artifacts" / run / "artifacts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def add_foreign_run(self, experiment: str, tags: dict[str, str], metrics: dict[str, float]) -> str:
        """Add a run with these tags and the usual params. Returns its id."""
        from mlflow.entities import Metric, Param

        self.num_runs += 1
        run = str(self.client.create_run(experiment, tags=tags).info.run_id)
        rows = [Metric(name, value, step, step) for name, value in metrics.items() for step in range(3)]
        self.client.log_batch(run, rows, [Param(name, value) for name, value in PARAMS.items()])
        return run


def build_store(folder: Path, runs: int) -> int:
    """Create a store with about `runs` runs in a folder, and return their number."""
    builder = StoreBuilder(folder)
    while builder.num_runs < runs - RUNS_PER_SWEEP:
        builder.add_sweep(builder.num_runs // RUNS_PER_SWEEP)
        for _ in range(RUNS_PER_SWEEP // 10):
            builder.add_foreign_run(builder.get_experiment("theirs"), {"mlflow.runName": "theirs"}, {"accuracy": 0.5})
    return builder.num_runs
