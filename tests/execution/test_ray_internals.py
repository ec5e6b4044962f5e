"""The parts of Ray beyond its public API do what the docstrings say, with the Ray that is installed."""

import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.ray_internals import leave_trials_out_of_snapshots
from sweeper.execution.ray_runner import RayRunner

pytestmark = pytest.mark.ray


def test_the_snapshot_of_an_experiment_has_no_states_of_trials(tmp_path: Path) -> None:
    from ray import tune
    from ray.tune.schedulers import FIFOScheduler

    class Scheduler(FIFOScheduler):  # type: ignore[misc]  # Ray is not typed
        def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
            leave_trials_out_of_snapshots(tune_controller)

    with RayRunner() as runner:
        runner.allocate(1, 0)  # starts Ray
        results = tune.Tuner(
            lambda _: {"score": 1},
            tune_config=tune.TuneConfig(num_samples=1, scheduler=Scheduler()),
            run_config=tune.RunConfig(name="one", storage_path=str(tmp_path), verbose=0),
        ).fit()
    (snapshot,) = (tmp_path / "one").glob("experiment_state-*.json")
    assert [result.metrics["score"] for result in results] == [1]
    assert json.loads(snapshot.read_text())["trial_data"] == []
