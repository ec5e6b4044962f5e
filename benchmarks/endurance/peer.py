"""The same sweep as a user of Ray Tune would write it by the documentation of Ray and Optuna.

    python -m benchmarks.endurance.peer FOLDER RAY_FOLDER

OptunaSearch proposes, ASHAScheduler stops, MLflowLoggerCallback tracks, each epoch leaves a checkpoint, a lost worker
is tried again, workers are reused, and the same command restores what Tuner.can_restore finds. `History` is the
benchmark's own: it writes down what the driver was told, which is the same that MLflowLoggerCallback hears.
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

from benchmarks.endurance.again import training_data
from benchmarks.endurance.ours import SWEEP
from sweeper.search_space import parser, yaml_file
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training import checkpoint
from sweeper.training.trainer import train
from sweeper.training.types import TrainingData

METRIC = "validation/accuracy"


def space(trial: optuna.Trial) -> dict[str, Any]:
    """The search space of sweep.yaml in Optuna's words; what is compared there is searched here."""
    loss = trial.suggest_categorical("loss", ["ce", "scl"])
    trial.suggest_float("learning_rate", 1e-3, 1e-2, log=True)
    trial.suggest_float("dropout", 0, 0.4)
    if loss == "scl":
        trial.suggest_float("tau", 0.1, 1, log=True)
    return {"encoder": "rnn"}


def training(config: dict[str, Any], spec: SweepSpec, data: TrainingData) -> None:
    """Train with sweeper's trainer; a checkpoint and a report for each epoch."""
    earlier = tune.get_checkpoint()
    with tempfile.TemporaryDirectory() as place:
        saved = Path(place) / "checkpoint.pt"
        if earlier is not None:
            with earlier.as_directory() as found:
                shutil.copy(Path(found) / saved.name, saved)
        known = checkpoint.completed_reports(saved)
        for report in train(spec.train_config(config, seed=spec.seed, threads=1), data, saved):
            if report.step > known:
                tune.report(dict(report.metrics), checkpoint=tune.Checkpoint.from_directory(place))


class History(tune.Callback):  # type: ignore[misc]  # Ray is not typed
    """Writes down what the driver was told: a line for each result and each end, with the driver's number."""

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
    """The tuner of the sweep: restored where there is something to restore."""
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
    """Run the sweep, or go on with it; its trials are written to trials.json last."""
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
    from benchmarks.endurance import peer  # what Tune pickles is found again by this name, not by __main__

    peer.main(Path(sys.argv[1]), Path(sys.argv[2]))
