"""The arm of sweeper: the record, Ray and MLflow as `sweeper run` has them, with trials that take no time.

    python -m benchmarks.scale.ours FOLDER TRIALS SLOTS [GATE]

RAY_ADDRESS names the cluster.
"""

import sys
from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.scale.measured import METRIC, Clock, course
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
    """The port Trainer, without a training."""
    for step, accuracy in enumerate(course(config.learning_rate, gate), start=1):
        yield ValidationReport(step, float(step), {METRIC: accuracy, "validation/largest_class": 0.5})


class Watching:
    """The port Tracker that tells the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def update(self, recorded: TrialRecord) -> None:
        """Something new is in the record."""
        number = str(recorded.trial.number)
        if recorded.reports:
            self.clock.reported(number)
        if recorded.end is not None:
            self.clock.over(number)

    def close(self, status: RunStatus) -> None:
        """Nothing to close."""


def main(place: Path, trials: int, slots: int, gate: Path | None) -> None:
    """Run the trials; what was measured is in the folder afterwards."""
    from sweeper.execution.ray_runner import RayRunner  # Ray reads its environment when it is imported

    document = yaml_file.load_yaml(SWEEP, [f"budget.trials={trials}"])
    spec = parser.parse_spec(document)
    folder = create_sweep(place, spec, {}, 1, ("a", "b"), {})
    data = TrainingData(("a", "b"), EncoderWeights("rnn", {}, {}, 0, 0), {})
    with RayRunner() as runner, closing(OptunaStudy(spec, folder.journal, 1)) as study:
        share = runner.allocate(1, 0)
        assert share.slots == slots, f"{share.slots} slots, {slots} were declared"
        job = TrainingJob(partial(instant, gate=gate), {"rnn": data}, folder.path)
        tracker = mlflow_sync.make_tracker(spec, folder, say=print)
        clock = Clock(slots, gate)
        runner.run(SearchStage(spec, study, (Watching(clock), tracker)), job, share)
        clock.write(place / "measured.json")
        tracker.close(RunStatus.FINISHED)


if __name__ == "__main__":
    from benchmarks.scale import ours  # what is pickled is found again by this name, not by __main__

    gates = [Path(argument) for argument in sys.argv[4:]]
    ours.main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), gates[0] if gates else None)
