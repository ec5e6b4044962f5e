"""The arm of Ray Tune used by hand, following its documentation and MLflow's: same trials, same cluster.

    python -m benchmarks.scale.ray_tune_script FOLDER TRIALS SLOTS [GATE]

RAY_ADDRESS names the cluster. Only `ClockCallback` belongs to the benchmark.
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

from benchmarks.instant.course import METRIC, course
from benchmarks.instant.tune_callback import ClockCallback
from benchmarks.scale.timing import FillClock


def space(trial: optuna.Trial) -> None:
    """Suggest the search space of sweep.yaml."""
    trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    trial.suggest_float("dropout", 0, 0.5)


def instant(config: dict[str, Any], gate: Path | None) -> None:
    """Report two validations without training."""
    for accuracy in course(config["learning_rate"], 2, gate):
        tune.report({METRIC: accuracy})


def main(folder: Path, trials: int, slots: int, gate: Path | None) -> None:
    """Run the trials and write timing.json to `folder`."""
    ray.init(log_to_driver=False, logging_level="WARNING")
    clock = FillClock(slots, gate)
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
            storage_path=str(folder / "results"),
            verbose=0,
            callbacks=[
                MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name="scale"),
                ClockCallback(clock),
            ],
        ),
    ).fit()
    clock.write(folder / "timing.json")


if __name__ == "__main__":
    from benchmarks.scale import ray_tune_script  # Tune's pickles must find the module by this name, not __main__

    gates = [Path(argument) for argument in sys.argv[4:]]
    ray_tune_script.main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), gates[0] if gates else None)
