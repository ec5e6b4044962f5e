"""Ray Tune used by hand, as its documentation and MLflow's show: the same instant trials, OptunaSearch, MLflow.

`tuned` reuses the workers of ended trials (reuse_actors=True).
"""

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import optuna
import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search.optuna import OptunaSearch

from benchmarks.speed.trial_clock import TrialClock

METRIC = "validation/accuracy"


def space(trial: optuna.Trial) -> None:
    """Suggest the search space of arms/instant.yaml."""
    trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    trial.suggest_float("dropout", 0, 0.5)


def instant(config: dict[str, Any]) -> None:
    """Report four validations without training."""
    accuracy = Random(config["learning_rate"]).random()
    for _ in range(4):
        tune.report({METRIC: accuracy, "validation/largest_class": 0.5})


class ClockCallback(tune.Callback):  # type: ignore[misc]  # Ray is not typed
    """Tells a clock of each end."""

    def __init__(self, clock: TrialClock) -> None:
        self.clock = clock

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A trial has ended."""
        self.clock.trial_ended(trial.trial_id)


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
