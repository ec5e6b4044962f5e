"""The cost of a trial for the driver as the sweep grows: processor time at the hundredth trial, the thousandth and on.

Each arm makes one long run, and is asked for three stretches of trials before each size, whatever the number of rounds.
Processor time is compared, because the runs follow each other. Sweeper sends to MLflow from a thread, which lags
behind: what is left after the last trial is spread over all trials. The sweep's folder is kept for the row `resume`.
"""

from collections.abc import Iterator
from functools import partial

from benchmarks.instant.trial_clock import STRETCHES, TrialClock
from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.rows.orchestration import OURS, THEIRS, TUNED
from benchmarks.speed.session import Session

LONG_SWEEP = "long-sweep"
_NOTE = (
    "the values are three stretches of one run for each arm, not rounds; what sweeper still sends to MLflow after the "
    "last trial is spread over all trials"
)


def cases(session: Session) -> Iterator[Case]:
    """Yield a case for each size: 100, 1,000 and so on, and the number of trials of the settings."""
    settings, seed = session.settings, session.settings.seed
    trials, peer_trials = settings.trials, settings.peer_trials
    with session.processes(SWEEPER) as processes:
        ours = processes[SWEEPER].call(OURS, session.subfolder(LONG_SWEEP), trials, seed)
    with session.processes(TUNED) as processes:
        theirs = processes[TUNED].call(THEIRS, session.subfolder("long-experiment"), peer_trials, True, seed)
    for size in sizes(max(trials, peer_trials)):
        clocks = {SWEEPER: ours, TUNED: theirs}
        arms = [
            Arm(name, partial(_measure_stretch, clock, size))
            for name, clock in clocks.items()
            if clock.num_trials >= size
        ]
        title = f"driver's processor time at trial {size:,}"
        yield Case(f"growth/{size}", title, "ms/trial", arms, note=_NOTE, seeds=range(STRETCHES))


def sizes(largest: int) -> list[int]:
    """Return 100, 1,000 and so on up to `largest`, which is always included."""
    powers = [10**k for k in range(2, 9) if 10**k < largest]
    return [*powers, largest]


def _measure_stretch(clock: TrialClock, size: int, stretch: int) -> Measurement:
    """Return the cost in one of the stretches of trials before a size."""
    return Measurement(1000 * clock.processor_of_stretch(size, stretch))
