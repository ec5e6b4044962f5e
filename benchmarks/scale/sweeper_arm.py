"""The arm of sweeper: record, Ray and MLflow as in `sweeper run`, with trials that take no time.

    python -m benchmarks.scale.sweeper_arm FOLDER TRIALS SLOTS [GATE]

RAY_ADDRESS names the cluster.
"""

import sys
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.instant.sweeper_trials import NO_DATA, ClockTracker, instant
from benchmarks.scale.timing import FillClock
from sweeper.app import mlflow_sync
from sweeper.protocol.search_stage import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space import parser, yaml_file
from sweeper.storage.new_sweep import create_sweep
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.run_status import RunStatus

SWEEP = Path(__file__).with_name("sweep.yaml")


def main(folder: Path, trials: int, slots: int, gate: Path | None) -> None:
    """Run the trials and write timing.json to `folder`."""
    from sweeper.execution.ray_runner import RayRunner  # late, because Ray reads its environment on import

    document = yaml_file.load_yaml(SWEEP, [f"budget.trials={trials}"])
    spec = parser.parse_spec(document)
    sweep = create_sweep(folder, spec, {}, 1, ("a", "b"), {})
    with RayRunner() as runner, closing(OptunaStudy(spec, sweep.journal, 1)) as study:
        share = runner.allocate(1, 0)
        assert share.slots == slots, f"{share.slots} slots, {slots} were declared"
        job = TrainingJob(partial(instant, gate=gate), {"rnn": NO_DATA}, sweep.path)
        tracker = mlflow_sync.make_tracker(spec, sweep, say=print)
        clock = FillClock(slots, gate)
        with runner.workers(share) as workers:
            workers.run(SearchStage(spec, study, (ClockTracker(clock), tracker)), job)
        tracker.close(RunStatus.FINISHED)
        clock.write(folder / "timing.json")


if __name__ == "__main__":
    from benchmarks.scale import sweeper_arm  # pickles must find the module by this name, not __main__

    gates = [Path(argument) for argument in sys.argv[4:]]
    sweeper_arm.main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), gates[0] if gates else None)
