"""The cost of a trial for the driver as the sweep grows: processor time at the tenth trial, the hundredth, and so on.

Each arm makes one long run, and is asked for three stretches of trials before each size. Processor time is compared,
because the runs follow each other. The sweep's folder is kept for the row `resume`.
"""

from collections.abc import Iterator
from functools import partial

from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.rows.orchestration import OURS, THEIRS, TUNED
from benchmarks.speed.session import Session
from benchmarks.speed.trial_clock import TrialClock

LONG_SWEEP = "long-sweep"


def cases(session: Session) -> Iterator[Case]:
    """Yield a case for each size: 10, 100 and so on, and the number of trials of the settings."""
    settings, seed = session.settings, session.settings.seed
    trials, peer_trials = settings.trials, settings.peer_trials
    with session.processes(SWEEPER) as processes:
        ours = processes[SWEEPER].call(OURS, session.subfolder(LONG_SWEEP), trials, seed)
    with session.processes(TUNED) as processes:
        theirs = processes[TUNED].call(THEIRS, session.subfolder("long-experiment"), peer_trials, True, seed)
    for size in sizes(max(trials, peer_trials)):
        clocks = {SWEEPER: ours, TUNED: theirs}
        arms = [
            Arm(name, partial(_measure_window, clock, size, seed))
            for name, clock in clocks.items()
            if clock.num_trials >= size
        ]
        yield Case(f"growth/{size}", f"driver's processor time at trial {size:,}", "ms/trial", arms)


def sizes(largest: int) -> list[int]:
    """Return 10, 100 and so on up to `largest`, which is always included."""
    powers = [10**k for k in range(1, 9) if 10**k < largest]
    return [*powers, largest]


def _measure_window(clock: TrialClock, size: int, first_seed: int, seed: int) -> Measurement:
    """Return the cost in the stretch of trials that belongs to the round of this seed."""
    return clock.processor_cost(size, (seed - first_seed) % 3)
