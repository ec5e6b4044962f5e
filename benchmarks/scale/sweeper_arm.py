"""The arm of sweeper: record, Ray and MLflow as in `sweeper run`, with trials that take no time.

    python -m benchmarks.scale.sweeper_arm FOLDER TRIALS SLOTS [GATE]

RAY_ADDRESS names the cluster.
"""

import sys
from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.scale.timing import METRIC, Clock, course
from sweeper.app import mlflow_sync
from sweeper.protocol.stages import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space import parser, yaml_file
from sweeper.storage.sweep_folder import create_sweep
from sweeper.training.config import TrainConfig
from sweeper.training.types import EncoderWeights, Heartbeat, TrainingData, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

SWEEP = Path(__file__).with_name("sweep.yaml")
Events = Generator[ValidationReport | Heartbeat, None, None]


def instant(config: TrainConfig, _: TrainingData, __: Path | None, *, gate: Path | None) -> Events:
    """Report two validations without training. Implements Trainer."""
    for step, accuracy in enumerate(course(config.learning_rate, gate), start=1):
        yield ValidationReport(step, float(step), {METRIC: accuracy, "validation/largest_class": 0.5})


class ClockTracker:
    """A tracker that tells the clock of each report and each end. Implements Tracker."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def update(self, record: TrialRecord) -> None:
        """Tell the clock what is new of a trial."""
        number = str(record.trial.number)
        if record.reports:
            self.clock.reported(number)
        if record.end is not None:
            self.clock.trial_ended(number)

    def close(self, status: RunStatus) -> None:
        """Do nothing."""


def main(folder: Path, trials: int, slots: int, gate: Path | None) -> None:
    """Run the trials and write timing.json to `folder`."""
    from sweeper.execution.ray_runner import RayRunner  # late, because Ray reads its environment on import

    document = yaml_file.load_yaml(SWEEP, [f"budget.trials={trials}"])
    spec = parser.parse_spec(document)
    sweep = create_sweep(folder, spec, {}, 1, ("a", "b"), {})
    data = TrainingData(("a", "b"), EncoderWeights("rnn", {}, {}, 0, 0), {})
    with RayRunner() as runner, closing(OptunaStudy(spec, sweep.journal, 1)) as study:
        share = runner.allocate(1, 0)
        assert share.slots == slots, f"{share.slots} slots, {slots} were declared"
        job = TrainingJob(partial(instant, gate=gate), {"rnn": data}, sweep.path)
        tracker = mlflow_sync.make_tracker(spec, sweep, say=print)
        clock = Clock(slots, gate)
        runner.run(SearchStage(spec, study, (ClockTracker(clock), tracker)), job, share)
        clock.write(folder / "timing.json")
        tracker.close(RunStatus.FINISHED)


if __name__ == "__main__":
    from benchmarks.scale import sweeper_arm  # pickles must find the module by this name, not __main__

    gates = [Path(argument) for argument in sys.argv[4:]]
    sweeper_arm.main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), gates[0] if gates else None)
