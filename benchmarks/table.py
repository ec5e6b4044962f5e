"""How long `sweeper table` takes over a store of many runs: hundreds of sweeps, some half finished, some of others.

    python -m benchmarks.table [--runs 5000] [--folder FOLDER] [--json]

The store is MLflow's own SQLite file with real files beside it, made in FOLDER unless it is there. A sweep is its own
run, the one above the confirmed trials, 9 trials of the search and 2 systems confirmed with 3 seeds each; every tenth
is not finished. One run in ten is somebody else's. All is measured that a user waits for, imports too.
"""

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bold import experiment, finished
from sweeper.data.catalog import DATASETS
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.results_table import FinishedSweep
from sweeper.storage import predictions
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, Predictions
from sweeper.trials.trial import Trial

ENCODERS = ("google/electra-base-discriminator", "google-bert/bert-base-uncased", "owner/encoder-a", "owner/encoder-b")
SEARCHED, SEEDS, SYSTEMS = 9, 3, 2
OF_A_SWEEP = 2 + SEARCHED + SEEDS * SYSTEMS
HYPERPARAMETERS = {name: str(value) for name, value in TrainConfig(encoder="m").active_params.items()}


class Making:
    """A store that is made; `count` runs are in it so far."""

    def __init__(self, folder: Path) -> None:
        from mlflow import MlflowClient

        self.folder, self.count = folder, 0
        self.client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
        self.random = np.random.default_rng(0)

    def experiment(self, name: str) -> str:
        """The id of an experiment, made where it is not there."""
        found = self.client.get_experiment_by_name(name)
        files = (self.folder / "artifacts").as_uri()
        return str(found.experiment_id if found else self.client.create_experiment(name, artifact_location=files))

    def sweep(self, number: int) -> None:
        """One sweep with all its runs."""
        dataset = list(DATASETS)[number % len(DATASETS)]
        found, place = self._found(number, dataset), self.experiment(dataset)
        done = number % 10 != 9
        content = {"results.json": found.results.to_json().encode()} if done else {}
        self._run(place, found, "sweep", {"mlflow.runName": found.results.sweep}, {}, content)
        self._run(place, found, "confirmation", {}, {}, {})
        for trial in range(1000, 1000 + SEARCHED):
            self._run(place, found, "search", {"sweeper.trial": str(trial)}, {"validation/accuracy": 0.5}, {})
        for confirmation in found.results.confirmations:
            for seed in confirmation.seeds:
                tags = {"sweeper.trial": str(seed.trial), "sweeper.tested": "1"}
                kept = {"predictions/test.parquet": self._parquet(found, seed.trial)}
                self._run(place, found, "confirm", tags, seed.test or {}, kept)

    def _found(self, number: int, dataset: str) -> FinishedSweep:
        encoder = ENCODERS[number // len(DATASETS) % len(ENCODERS)]
        found = finished(dataset, experiment(self.random, SYSTEMS, SEEDS))
        results = found.results.to_dict()
        for system, loss in zip(results["systems"], ("ce", "lcl"), strict=True):
            system["system"] = {"encoder": encoder, "loss": loss}
        results["sweep"] = f"{dataset}-{number:08x}"
        results["test_accesses"] = [
            {"at": number * 1000 + trial, "trial": trial, "seed": trial} for trial in found.predictions
        ]
        return FinishedSweep(SweepResults.parse(results), found.predictions)

    def _parquet(self, found: FinishedSweep, trial: int) -> bytes:
        answers, labels = found.predictions[trial], tuple(found.results.labels)
        scored = ModelScores({"test": Predictions(answers.labels, np.eye(2, dtype=np.float32)[answers.predictions])})
        predictions.save_predictions(
            self.folder / "scratch", Trial(trial, 0, {}, TrainConfig(encoder="m")), labels, scored
        )
        return predictions.predictions_path(self.folder / "scratch", trial, "test").read_bytes()

    def _run(
        self,
        place: str,
        found: FinishedSweep,
        stage: str,
        tags: dict[str, str],
        metrics: dict[str, float],
        files: dict[str, bytes],
    ) -> None:
        dataset, _, fingerprint = found.results.sweep.rpartition("-")
        whose = {"sweep": fingerprint, "id": "id", "dataset": dataset, "stage": stage, "created": str(self.count)}
        listed = {name: hashlib.sha256(content).hexdigest()[:16] for name, content in files.items()}
        tags = (
            {f"sweeper.{name}": value for name, value in whose.items()} | {"sweeper.files": json.dumps(listed)} | tags
        )
        run = self.foreign(place, tags, metrics)
        for name, content in files.items():
            path = self.folder / "artifacts" / run / "artifacts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def foreign(self, place: str, tags: dict[str, str], metrics: dict[str, float]) -> str:
        """One run with these tags, and the parameters that a run of ours has."""
        from mlflow.entities import Metric, Param

        self.count += 1
        run = str(self.client.create_run(place, tags=tags).info.run_id)
        rows = [Metric(name, value, step, step) for name, value in metrics.items() for step in range(3)]
        self.client.log_batch(run, rows, [Param(*hyperparameter) for hyperparameter in HYPERPARAMETERS.items()])
        return run


def make(folder: Path, runs: int) -> None:
    """Fill a store with so many runs."""
    making = Making(folder)
    while making.count < runs - OF_A_SWEEP:
        sweep = making.count // OF_A_SWEEP
        making.sweep(sweep)
        for _ in range(OF_A_SWEEP // 10):
            making.foreign(making.experiment("theirs"), {"mlflow.runName": "theirs"}, {"accuracy": 0.5})
    print(f"made {making.count} runs", file=sys.stderr)


def measured(folder: Path) -> dict[str, Any]:
    """The command as a user runs it: seconds, processor seconds, and what it printed."""
    command = [sys.executable, "-m", "sweeper", "table", "--sweeps", str(folder), "--published"]
    start = time.perf_counter()
    timed = subprocess.run(["bash", "-c", 'time "$@"', "-", *command], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    used = [line.split("m")[1].rstrip("s") for line in timed.stderr.splitlines() if line.startswith(("user", "sys"))]
    return {"seconds": round(seconds, 2), "processor": round(sum(map(float, used)), 2), "table": timed.stdout}


def main() -> None:
    """Make the store, and measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=5000)
    options.add_argument("--folder", type=Path)
    options.add_argument("--json", action="store_true", help="print JSON, without the table")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch)
        if not (folder / "mlflow.db").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make(folder, chosen.runs)
        found = [measured(folder) for _ in range(3)]
    out = io.StringIO()
    if chosen.json:
        json.dump([{name: one[name] for name in ("seconds", "processor")} for one in found], out, indent=2)
    else:
        out.write(found[0]["table"] + "\n")
        out.writelines(f"{one['seconds']} s, {one['processor']} s of a processor\n" for one in found)
    print(out.getvalue())


if __name__ == "__main__":
    main()
