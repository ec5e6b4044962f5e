"""One sweep under a schedule of kills: what both arms share."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
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


def schedule(seed: int, sweep: int, horizon: float) -> Iterator[float]:
    """When to kill each start of a command, in seconds: the same fractions of `horizon` in every arm."""
    random = Random(f"{seed}:{sweep}")
    while True:
        yield random.uniform(0, horizon)


def under_kills(arm: Arm, tally: Tally, folder: Path, delays: Iterator[float], kills: int) -> None:
    """Run a sweep until it is finished, killing it after each of the delays, `kills` times at most."""
    sessions: list[int] = []
    code: int | None = None
    left = min(kills, MOST)
    while code is None:
        after = next(delays) if left else None
        ended = commands.run(arm.command(folder), folder / "screen.log", after)
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


def until(arm: Arm, tally: Tally, kills: int, place: Path, delays: Callable[[int], Iterator[float]]) -> None:
    """Run sweeps under kills until there were so many; `place` gets a folder for each."""
    while tally.kills < kills:
        under_kills(arm, tally, place / str(tally.sweeps), delays(tally.sweeps), kills - tally.kills)
