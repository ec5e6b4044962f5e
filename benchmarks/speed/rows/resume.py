"""The same command again, for a long sweep: how long until its next trial is proposed?"""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.commands import SWEEPER_COMMAND, journal_has, seconds_until
from benchmarks.speed.rows.growth import LONG_SWEEP
from benchmarks.speed.rows.orchestration import OURS
from benchmarks.speed.session import Session
from benchmarks.speed.spaces import INSTANT

_MORE = 10  # trials than the sweep has
_PROPOSAL = b'"user_attr": {"number": '  # a proposal becomes a trial with this entry of the record


def cases(session: Session) -> Iterator[Case]:
    """Yield one case. The sweep is that of the row `growth`, and is made if that row was not run."""
    settings, sweeps = session.settings, session.subfolder(LONG_SWEEP)
    if not any(sweeps.glob("*/record.journal")):
        with session.processes(SWEEPER) as processes:
            processes[SWEEPER].call(OURS, sweeps, settings.trials, settings.seed)
    kept = session.folder / f"{LONG_SWEEP}-kept"
    shutil.copytree(sweeps, kept, dirs_exist_ok=True)
    overrides = [f"budget.trials={settings.trials + _MORE}", f"seed={settings.seed}"]
    arms = [Arm(SWEEPER, partial(measure, sweeps, kept, overrides, session.folder / "resume.log"))]
    title = f"resume of {settings.trials:,} trials, until the next one is proposed"
    note = f"each round resumes the same sweep, with {_MORE} trials more; the start of Ray is included"
    yield Case("resume", title, "s", arms, note=note)


def measure(sweeps: Path, kept: Path, overrides: list[str], log: Path, _seed: int) -> Measurement:
    """Restore the sweep from the `kept` folder, run the command, and stop it at its first proposal."""
    shutil.rmtree(sweeps)
    shutil.copytree(kept, sweeps)
    options = [word for override in overrides for word in ("--set", override)]
    command = [*SWEEPER_COMMAND, "run", str(INSTANT), "--sweeps", str(sweeps), "--quiet", *options]
    size = sum(path.stat().st_size for path in sweeps.glob("*/record.journal"))
    return Measurement(seconds_until(command, lambda: journal_has(sweeps, _PROPOSAL, since=size), log))
