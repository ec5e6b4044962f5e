"""The arm of Ray Tune by hand, as its documentation and MLflow's have it, with the same trials on the same cluster.

    python -m benchmarks.scale.peer FOLDER TRIALS SLOTS [GATE]

RAY_ADDRESS names the cluster. `Watching` is the benchmark's own.
"""

import sys
from pathlib import Path
from typing import Any

import optuna
import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from benchmarks.scale.measured import METRIC, Clock, course


def space(trial: optuna.Trial) -> None:
    """The search space of sweep.yaml in Optuna's words."""
    trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    trial.suggest_float("dropout", 0, 0.5)


def instant(config: dict[str, Any], gate: Path | None) -> None:
    """A trial without a training."""
    for accuracy in course(config["learning_rate"], gate):
        tune.report({METRIC: accuracy})


class Watching(tune.Callback):  # type: ignore[misc]  # Ray is not typed
    """Tells the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any) -> None:
        """A trial reported."""
        self.clock.reported(trial.trial_id)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A trial ended, by itself or by the scheduler."""
        self.clock.over(trial.trial_id)


def main(place: Path, trials: int, slots: int, gate: Path | None) -> None:
    """Run the trials; what was measured is in the folder afterwards."""
    ray.init(log_to_driver=False, logging_level="WARNING")
    clock = Clock(slots, gate)
    function = tune.with_resources(tune.with_parameters(instant, gate=gate), {"cpu": 1})
    sampler = optuna.samplers.RandomSampler(seed=0)
    tune.Tuner(
        function,
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(space=space, metric=METRIC, mode="max", sampler=sampler),
            scheduler=ASHAScheduler(metric=METRIC, mode="max", max_t=2, grace_period=1, reduction_factor=2),
            num_samples=trials,
            max_concurrent_trials=slots,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(place / "results"),
            verbose=0,
            callbacks=[
                MLflowLoggerCallback(tracking_uri=f"sqlite:///{place / 'mlflow.db'}", experiment_name="scale"),
                Watching(clock),
            ],
        ),
    ).fit()
    clock.write(place / "measured.json")


if __name__ == "__main__":
    from benchmarks.scale import peer  # what Tune pickles is found again by this name, not by __main__

    gates = [Path(argument) for argument in sys.argv[4:]]
    peer.main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), gates[0] if gates else None)
