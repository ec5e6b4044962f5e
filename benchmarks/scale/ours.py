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
from sweeper import reading
from sweeper.cli import tracking
from sweeper.config import TrainConfig
from sweeper.edges import yaml
from sweeper.folder import create
from sweeper.ports import Job
from sweeper.record.study import OptunaStudy
from sweeper.stages import Search
from sweeper.values import Encoder, Progress, Recorded, Report, TrainingData

SWEEP = Path(__file__).with_name("sweep.yaml")
Events = Generator[Report | Progress, None, None]


def instant(config: TrainConfig, _: TrainingData, __: Path | None, *, gate: Path | None) -> Events:
    """The port Trainer, without a training."""
    for step, accuracy in enumerate(course(config.learning_rate, gate), start=1):
        yield Report(step, float(step), {METRIC: accuracy, "validation/largest_class": 0.5})


class Watching:
    """The port Tracker that tells the clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def update(self, recorded: Recorded) -> None:
        """Something new is in the record."""
        number = str(recorded.trial.number)
        if recorded.reports:
            self.clock.reported(number)
        if recorded.finish is not None:
            self.clock.over(number)

    def close(self, status: str) -> None:
        """Nothing to close."""


def main(place: Path, trials: int, slots: int, gate: Path | None) -> None:
    """Run the trials; what was measured is in the folder afterwards."""
    from sweeper.runners.ray import RayRunner  # Ray reads its environment when it is imported

    document = yaml.read(SWEEP, [f"budget.trials={trials}"])
    spec = reading.read(document)
    folder = create(place, spec, {}, 1, ("a", "b"), {})
    data = TrainingData(("a", "b"), Encoder("rnn", {}, {}, 0, 0), {})
    with RayRunner() as runner, closing(OptunaStudy(spec, folder.journal, 1)) as study:
        share = runner.allocate(1, 0)
        assert share.slots == slots, f"{share.slots} slots, {slots} were declared"
        job = Job(partial(instant, gate=gate), {"rnn": data}, folder.path)
        tracker = tracking.tracker_of(spec, folder, say=print)
        clock = Clock(slots, gate)
        runner.run(Search(spec, study, (Watching(clock), tracker)), job, share)
        clock.write(place / "measured.json")
        tracker.close("FINISHED")


if __name__ == "__main__":
    from benchmarks.scale import ours  # what is pickled is found again by this name, not by __main__

    gates = [Path(argument) for argument in sys.argv[4:]]
    ours.main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), gates[0] if gates else None)
