"""One sweep under a schedule of kills: what both arms share."""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Protocol

from benchmarks.endurance import commands

MOST = 12  # kills of one sweep, then it may go on to its end


@dataclass
class Tally:
    """What became of the sweeps of an arm. Lines of `violations` say what should not be."""

    kills: int = 0
    sweeps: int = 0
    trials: int = 0
    finished_before_a_kill: int = 0  # trials, counted once
    lost: int = 0  # of them: not in the result, or with fewer epochs than they had
    repeated: int = 0  # of them: trained again
    epochs_again: int = 0  # epochs that were reported more than once
    torn: int = 0  # kills after which the record's last line was cut as well
    doubled: int = 0  # MLflow runs beyond one for each trial (and the sweep's own)
    orphaned: int = 0  # MLflow runs that say RUNNING when all is over
    attempts: int = 0
    most_attempts: int = 0
    compared: int = 0  # trials trained again in one go, to compare their numbers
    horizon: float = 0.0  # seconds of a whole sweep, and so the longest delay
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
    killed: list[dict[str, Any]] = field(default_factory=list)  # each kill: when, and what was going on

    def plain(self) -> dict[str, Any]:
        """The figures as plain values."""
        return asdict(self)


class Arm(Protocol):
    """One way to run the sweep, in a folder of its own."""

    def command(self, folder: Path) -> Sequence[str]:
        """The command that starts the sweep and goes on with it."""

    def killed(self, folder: Path) -> str:
        """Look at what a kill left; what was going on, in a word."""

    def finished(self, folder: Path) -> None:
        """Count what came of the sweep."""


Schedule = Callable[[Path, int], Iterator[commands.Moment]]
"""When to kill each start of a sweep, given its folder and its place among the sweeps."""


def at_random(seed: int, horizon: float) -> Schedule:
    """Kills after a random time of up to `horizon` seconds: at the same fractions of it in every arm."""

    def moments(_: Path, sweep: int) -> Iterator[commands.Moment]:
        random = Random(f"{seed}:{sweep}")
        while True:
            yield partial(operator.le, random.uniform(0, horizon))

    return moments


def under_kills(arm: Arm, tally: Tally, folder: Path, moments: Iterator[commands.Moment], kills: int) -> None:
    """Run a sweep until it is finished, killing it at each of these moments, `kills` times at most."""
    sessions: list[int] = []
    code: int | None = None
    left = min(kills, MOST)
    while code is None:
        ended = commands.run(arm.command(folder), folder / "screen.log", next(moments) if left else None)
        sessions.append(ended.pid)
        code = ended.code
        if code is None:
            left -= 1
            tally.kills += 1
            tally.killed.append({"sweep": tally.sweeps, "after": round(ended.seconds, 2), "while": arm.killed(folder)})
    tally.sweeps += 1
    if code:
        tally.violations.append(f"{folder}: the command ended with {code}; see {folder / 'screen.log'}")
    alive = commands.wait_for_workers(sessions)
    if alive:
        tally.violations.append(f"{folder}: processes outlived their driver: {alive}")
    arm.finished(folder)
    commands.sweep_up(sessions)


def until(arm: Arm, tally: Tally, kills: int, place: Path, schedule: Schedule) -> None:
    """Run sweeps under kills until there were so many; `place` gets a folder for each."""
    for _ in sweeps(arm, tally, kills, place, schedule):
        pass


def sweeps(arm: Arm, tally: Tally, kills: int, place: Path, schedule: Schedule) -> Iterator[None]:
    """As `until`, one sweep after the other."""
    while tally.kills < kills:
        folder = place / str(tally.sweeps)
        under_kills(arm, tally, folder, schedule(folder, tally.sweeps), kills - tally.kills)
        yield
