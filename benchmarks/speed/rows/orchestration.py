"""The cost of a trial besides its training: instant trials of four reports each, with MLflow on."""

from collections.abc import Iterator
from functools import partial

from benchmarks.instant.trial_clock import TrialClock
from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.session import Session

TUNED, DEFAULT = "Ray Tune, reuse_actors", "Ray Tune, defaults"
OURS, THEIRS = "benchmarks.speed.arms.instant:run_sweep", "benchmarks.speed.peers.ray_tune:run_experiment"


def cases(session: Session) -> Iterator[Case]:
    """Yield one case. Ray Tune gets fewer trials, because it is slower; the first ten of all are left out."""
    ours, theirs, default = (60, 30, 12) if session.settings.quick else (300, 60, 20)
    with session.processes(SWEEPER, TUNED, DEFAULT) as processes:

        def measure(name: str, function: str, trials: int, *options: object) -> Measurement:
            *more, seed = options
            folder = session.subfolder(f"{name}-{seed}")
            clock: TrialClock = processes[name].call(function, folder, trials, *more, seed)
            processor = 1000 * clock.processor_per_trial()
            return Measurement(1000 * clock.seconds_per_trial(), {"processor ms of the driver": processor})

        arms = [
            Arm(SWEEPER, partial(measure, SWEEPER, OURS, ours)),
            Arm(TUNED, partial(measure, TUNED, THEIRS, theirs, True)),
            Arm(DEFAULT, partial(measure, DEFAULT, THEIRS, default, False)),
        ]
        note = "OptunaSearch, MLflowLoggerCallback and Tune's own callbacks; SQLite for MLflow"
        yield Case("orchestration", "an instant trial of four reports", "ms/trial", arms, note=note)
