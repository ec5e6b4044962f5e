"""The same command again, for a long sweep: how long until its next trial is proposed?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.commands import SWEEPER_COMMAND, journal_has, seconds_until
from benchmarks.speed.rows.growth import LONG_SWEEP
from benchmarks.speed.rows.orchestration import OURS
from benchmarks.speed.session import Session
from benchmarks.speed.spaces import INSTANT


def cases(session: Session) -> Iterator[Case]:
    """Yield one case. The sweep is that of the row `growth`, and is made if that row was not run."""
    settings, sweeps = session.settings, session.subfolder(LONG_SWEEP)
    if not any(sweeps.glob("*/record.journal")):
        with session.processes(SWEEPER) as processes:
            processes[SWEEPER].call(OURS, sweeps, settings.trials, settings.seed)
    title = f"resume of {settings.trials:,} trials, until the next one is proposed"
    arms = [Arm(SWEEPER, partial(_measure, sweeps, settings.trials, settings.seed, session.folder / "resume.log"))]
    yield Case("resume", title, "s", arms, note="one trial more in each round; the start of Ray is included")


def _measure(sweeps: Path, trials: int, first_seed: int, log: Path, seed: int) -> Measurement:
    """Ask for more trials than the sweep has, and stop the command at the first of them."""
    wanted = trials + 10 * (seed - first_seed + 1)
    overrides = [f"budget.trials={wanted}", f"seed={first_seed}"]
    options = [word for override in overrides for word in ("--set", override)]
    command = [*SWEEPER_COMMAND, "run", str(INSTANT), "--sweeps", str(sweeps), "--quiet", *options]
    size = sum(path.stat().st_size for path in sweeps.glob("*/record.journal"))
    return Measurement(seconds_until(command, lambda: journal_has(sweeps, b"\n", since=size), log))
