"""Seconds from a trial's proposal to its first update of the weights, on a worker that has run a trial before."""

from collections.abc import Iterator
from functools import partial

from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.rows.orchestration import DEFAULT, TUNED
from benchmarks.speed.session import Session

_OURS, _THEIRS = "benchmarks.speed.arms.first_step:measure", "benchmarks.speed.peers.first_step:measure"


def cases(session: Session) -> Iterator[Case]:
    """Yield one case. A quick run leaves Ray Tune's defaults out: each trial starts a process of its own."""
    settings = session.settings
    trials = 4 if settings.quick else 6
    with session.processes(SWEEPER, TUNED, *([] if settings.quick else [DEFAULT])) as processes:

        def measure(name: str, function: str, *options: object) -> Measurement:
            *more, seed = options
            folder = session.subfolder(f"first-step-{name}-{seed}")
            measurement = processes[name].call(function, settings, folder, trials, *more, seed)
            assert isinstance(measurement, Measurement)
            return measurement

        peers = {TUNED: True, DEFAULT: False}
        arms = [
            Arm(SWEEPER, partial(measure, SWEEPER, _OURS)),
            *(Arm(name, partial(measure, name, _THEIRS, peers[name])) for name in processes if name in peers),
        ]
        note = "the peer's trainable is the tuned Trainer; both begin with a random batch of texts of similar length"
        yield Case("first_step", "from a trial's proposal to its first update, batch 32", "s", arms, note=note)
