"""Ray Tune used by hand, as its documentation and MLflow's show: the same instant trials, OptunaSearch, MLflow.

`tuned` reuses the workers of ended trials (reuse_actors=True).
"""

from functools import cache
from pathlib import Path
from typing import Any

import optuna
import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search.optuna import OptunaSearch

from benchmarks.instant.course import METRIC, course
from benchmarks.instant.trial_clock import TrialClock
from benchmarks.instant.tune_callback import ClockCallback


def space(trial: optuna.Trial) -> None:
    """Suggest the search space of spaces/instant.yaml."""
    trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    trial.suggest_float("dropout", 0, 0.5)


def instant(config: dict[str, Any]) -> None:
    """Report four validations without training."""
    for accuracy in course(config["learning_rate"], 4):
        tune.report({METRIC: accuracy, "validation/largest_class": 0.5})


@cache
def start_ray() -> None:
    """Start Ray for as long as this process lives."""
    ray.init(log_to_driver=False, logging_level="WARNING", include_dashboard=False)


def run_experiment(folder: Path, trials: int, tuned: bool, seed: int) -> TrialClock:
    """Run a new experiment of so many trials in `folder`. Returns what its driver used."""
    start_ray()
    clock = TrialClock()
    tune.Tuner(
        tune.with_resources(instant, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(space, METRIC, "max", sampler=optuna.samplers.RandomSampler(seed=seed)),
            num_samples=trials,
            reuse_actors=tuned,
        ),
        run_config=tune.RunConfig(
            name="experiment",
            storage_path=str(folder),
            verbose=0,
            callbacks=[
                MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name="instant"),
                ClockCallback(clock),
            ],
        ),
    ).fit()
    clock.sweep_ended()
    return clock
