"""A sweep whose trials report four validations without training: record, Ray and MLflow as in `sweeper run`."""

from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path

from benchmarks.instant.sweeper_trials import NO_DATA, ClockTracker, instant
from benchmarks.instant.trial_clock import TrialClock
from benchmarks.speed.spaces import INSTANT
from sweeper.app import mlflow_sync
from sweeper.execution.ray_runner import RayRunner
from sweeper.protocol.search_stage import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space import parser, yaml_file
from sweeper.storage.new_sweep import create_sweep
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.run_status import RunStatus


@cache
def ray_runner() -> RayRunner:
    """Return a runner that lives as long as this process."""
    return ExitStack().enter_context(RayRunner())


def run_sweep(sweeps: Path, trials: int, seed: int) -> TrialClock:
    """Run a new sweep of so many trials, until MLflow has all of it. Returns what its driver used."""
    spec = parser.parse_spec(yaml_file.load_yaml(INSTANT, [f"budget.trials={trials}", f"seed={seed}"]))
    sweep = create_sweep(sweeps, spec, {}, 1, ("a", "b"), {})
    runner, clock = ray_runner(), TrialClock()
    with closing(OptunaStudy(spec, sweep.journal, 1)) as study:
        share = runner.allocate(1, 0)
        tracker = mlflow_sync.make_tracker(spec, sweep, say=print)
        job = TrainingJob(instant, {"rnn": NO_DATA}, sweep.path)
        with runner.workers(share) as workers:
            workers.run(SearchStage(spec, study, (ClockTracker(clock), tracker)), job)
        tracker.close(RunStatus.FINISHED)
    clock.sweep_ended()
    return clock
