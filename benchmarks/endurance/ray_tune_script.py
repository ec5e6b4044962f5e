"""The same sweep as a user of Ray Tune would write it, following the documentation of Ray and Optuna.

    python -m benchmarks.endurance.ray_tune_script FOLDER RAY_FOLDER

OptunaSearch proposes, ASHAScheduler stops trials, MLflowLoggerCallback tracks them. Each epoch leaves a checkpoint,
trials of lost workers are retried, workers are reused, and the same command restores what Tuner.can_restore finds.
Only `History` belongs to the benchmark: it writes down what the driver is told, which is what MLflowLoggerCallback
hears.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import optuna
import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from benchmarks.endurance.retrain_check import training_data
from benchmarks.endurance.sweeper_arm import SWEEP
from sweeper.search_space import parser, yaml_file
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.checkpoint import load_checkpoint
from sweeper.training.trainer import train
from sweeper.training.types import TrainingData

METRIC = "validation/accuracy"


def space(trial: optuna.Trial) -> dict[str, Any]:
    """Suggest the search space of sweep.yaml. The losses that are compared there are searched here."""
    loss = trial.suggest_categorical("loss", ["ce", "scl"])
    trial.suggest_float("learning_rate", 1e-3, 1e-2, log=True)
    trial.suggest_float("dropout", 0, 0.4)
    if loss == "scl":
        trial.suggest_float("tau", 0.1, 1, log=True)
    return {"encoder": "rnn"}


def training(config: dict[str, Any], spec: SweepSpec, data: TrainingData) -> None:
    """Train with sweeper's trainer. Each epoch gives a checkpoint and a report."""
    previous = tune.get_checkpoint()
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "checkpoint.pt"
        if previous is not None:
            with previous.as_directory() as previous_folder:
                shutil.copy(Path(previous_folder) / saved.name, saved)
        already_reported = len(load_checkpoint(saved)["reports"]) if saved.exists() else 0
        for report in train(spec.train_config(config, seed=spec.seed, threads=1), data, saved):
            if report.step > already_reported:
                tune.report(dict(report.metrics), checkpoint=tune.Checkpoint.from_directory(folder))


class History(tune.Callback):  # type: ignore[misc]  # Ray is not typed
    """Writes a line for each result and each end of a trial, with the driver's process number."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _write(self, what: str, trial: Any, step: int = 0) -> None:
        line = {"driver": os.getpid(), "what": what, "trial": trial.trial_id, "step": step}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any) -> None:
        """A trial reported."""
        self._write("result", trial, result["training_iteration"])

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A trial ended, by itself or by the scheduler."""
        self._write("complete", trial)

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A trial failed."""
        self._write("error", trial)


def tuner(folder: Path, spec: SweepSpec) -> tune.Tuner:
    """Return the tuner of the sweep, restored if there is something to restore."""
    function = tune.with_resources(tune.with_parameters(training, spec=spec, data=training_data(spec)), {"cpu": 1})
    storage = folder / "results"
    if tune.Tuner.can_restore(str(storage / "sweep")):
        return tune.Tuner.restore(str(storage / "sweep"), trainable=function, resume_errored=True)
    return tune.Tuner(
        function,
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(space=space, metric=METRIC, mode="max", seed=spec.seed),
            scheduler=ASHAScheduler(
                metric=METRIC, mode="max", max_t=spec.max_epochs, grace_period=1, reduction_factor=2
            ),
            num_samples=spec.budget.trials,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(storage),
            failure_config=tune.FailureConfig(max_failures=2),
            callbacks=[
                MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name="feelings"),
                History(folder / "history.jsonl"),
            ],
        ),
    )


def main(folder: Path, ray_folder: Path) -> None:
    """Run or continue the sweep, then write its trials to trials.json."""
    spec = parser.parse_spec(yaml_file.load_yaml(SWEEP, ()))
    ray.init(include_dashboard=False, _temp_dir=str(ray_folder))
    results = tuner(folder, spec).fit()
    trials = {
        str(result.metrics.get("trial_id")): {
            "steps": result.metrics.get("training_iteration", 0), "error": str(result.error or "")
        }
        for result in results
    }  # fmt: skip
    (folder / "trials.json").write_text(json.dumps(trials, indent=1), encoding="utf-8")
    ray.shutdown()
    shutil.rmtree(ray_folder, ignore_errors=True)


if __name__ == "__main__":
    from benchmarks.endurance import ray_tune_script  # Tune's pickles must find the module by this name, not __main__

    ray_tune_script.main(Path(sys.argv[1]), Path(sys.argv[2]))
