"""One sweep under a schedule of kills, and the counts that both arms keep."""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Protocol

from benchmarks.endurance import commands

_MAX_KILLS = 12  # of one sweep; after that it may run to its end


@dataclass
class Tally:
    """Counts of one arm over all its sweeps. Each line of `violations` names something that must not happen."""

    kills: int = 0
    sweeps: int = 0
    trials: int = 0
    finished_before_a_kill: int = 0  # trials, each counted once
    lost: int = 0  # of them: missing from the result, or with fewer epochs than before
    repeated: int = 0  # of them: trained again
    epochs_again: int = 0  # epochs that were reported more than once
    torn: int = 0  # kills after which the record's last line was cut as well
    doubled: int = 0  # MLflow runs beyond one for each trial (and the sweep's own)
    orphaned: int = 0  # MLflow runs that are RUNNING when the sweep is over
    attempts: int = 0
    most_attempts: int = 0
    compared: int = 0  # trials trained again without interruption, to compare their metrics
    horizon: float = 0.0  # seconds of a whole sweep, which is the longest delay before a kill
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
    killed: list[dict[str, Any]] = field(default_factory=list)  # for each kill: when, and what was going on

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return asdict(self)


class Arm(Protocol):
    """One way to run the sweep, in a folder of its own."""

    def command(self, folder: Path) -> Sequence[str]:
        """Return the command that starts or continues the sweep."""

    def killed(self, folder: Path) -> str:
        """Check what a kill left behind. Returns what was going on, in a word."""

    def finished(self, folder: Path) -> None:
        """Add the finished sweep to the tally."""


Schedule = Callable[[Path, int], Iterator[commands.Moment]]
"""The moment to kill each start of a sweep, given its folder and its index among the sweeps."""


def at_random(seed: int, horizon: float) -> Schedule:
    """Kill after a random time of up to `horizon` seconds. Every arm gets the same fractions of its horizon."""

    def moments(_: Path, sweep: int) -> Iterator[commands.Moment]:
        random = Random(f"{seed}:{sweep}")
        while True:
            yield partial(operator.le, random.uniform(0, horizon))

    return moments


def run_sweeps(arm: Arm, tally: Tally, kills: int, parent: Path, schedule: Schedule) -> Iterator[None]:
    """Run sweeps until there were `kills` kills. Each has a folder below `parent`. Yields after each sweep."""
    while tally.kills < kills:
        folder = parent / str(tally.sweeps)
        _run_killed_sweep(arm, tally, folder, schedule(folder, tally.sweeps), kills - tally.kills)
        yield


def _run_killed_sweep(arm: Arm, tally: Tally, folder: Path, moments: Iterator[commands.Moment], kills: int) -> None:
    """Run one sweep to its end, killing it at each of these moments, `kills` times at most."""
    sessions: list[int] = []
    code: int | None = None
    kills_left = min(kills, _MAX_KILLS)
    while code is None:
        end = commands.run(arm.command(folder), folder / "screen.log", next(moments) if kills_left else None)
        sessions.append(end.pid)
        code = end.code
        if code is None:
            kills_left -= 1
            tally.kills += 1
            tally.killed.append({"sweep": tally.sweeps, "after": round(end.seconds, 2), "while": arm.killed(folder)})
    tally.sweeps += 1
    if code:
        tally.violations.append(f"{folder}: the command ended with {code}; see {folder / 'screen.log'}")
    alive = commands.wait_for_workers(sessions)
    if alive:
        tally.violations.append(f"{folder}: processes outlived their driver: {alive}")
    arm.finished(folder)
    commands.remove_ray_folders(sessions)
