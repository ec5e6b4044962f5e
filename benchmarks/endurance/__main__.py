"""Kill the drivers of small real sweeps at random moments until there were so many kills; sweeper beside Ray Tune.

Each start of a sweep's command is killed (SIGKILL, the driver alone) after a random time between 0 and what a whole
sweep takes, and the same command follows at once, until the sweep is finished. Both arms train the same with the same
trainer, and are killed at the same fractions of what a whole sweep takes them; --horizon gives both the same seconds.
sweeper's record is checked after every kill, record, folder and MLflow at the end of every sweep, and trials that were
resumed are trained again in one go. The exit code is 1 where anything was found in sweeper's arm.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks.endurance import commands
from benchmarks.endurance.arms import Arm, Tally, at_random, sweeps
from benchmarks.endurance.ours import Sweeper
from benchmarks.endurance.theirs import RayTune

FIGURES = {
    "kills": "kills",
    "sweeps": "sweeps",
    "trials": "trials",
    "finished_before_a_kill": "finished before a kill",
    "lost": "of them lost or cut short",
    "repeated": "of them run again",
    "epochs_again": "epochs trained twice",
    "torn": "kills with a torn record",
    "doubled": "MLflow runs too many",
    "orphaned": "MLflow runs RUNNING for ever",
    "attempts": "attempts",
    "most_attempts": "most attempts of a trial",
    "compared": "trained again in one go",
    "horizon": "seconds of a sweep without kills",
    "seconds": "seconds",
}


def main() -> int:
    """Read the arguments, run both arms, print the table and write the JSON."""
    arguments = _arguments()
    place = (arguments.folder or Path(tempfile.mkdtemp(prefix="endurance-"))).resolve()
    tallies: dict[str, Tally] = {}
    for name in ("sweeper", "ray-tune"):
        if arguments.only in (None, name):
            tallies[name] = Tally()
            for _ in _under_kills(name, arguments, place / name, tallies[name]):
                _write(arguments, tallies)  # after every sweep: hours are not lost to a last minute
    _print(tallies)
    print(f"sweeps, records and screens are in {place}")
    return 1 if any(tally.violations for name, tally in tallies.items() if name == "sweeper") else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="of each arm (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the delays (0)")
    parser.add_argument("--horizon", type=float, help="longest delay in seconds (what a whole sweep takes here)")
    parser.add_argument("--compare", type=int, default=2, help="resumed trials of each sweep to train again (2)")
    parser.add_argument("--torn", type=float, default=0, help="share of kills that cut the record's last line too (0)")
    parser.add_argument("--only", choices=["sweeper", "ray-tune"], help="one arm alone")
    parser.add_argument("--folder", type=Path, help="where the sweeps go (a new temporary folder)")
    parser.add_argument("--out", type=Path, help="where the result goes, as JSON")
    return parser.parse_args()


def _under_kills(name: str, arguments: argparse.Namespace, place: Path, tally: Tally) -> Iterator[None]:
    """One arm, from its first sweep to its last kill; yields after each sweep."""
    arm: Arm = (
        Sweeper(tally, arguments.compare, arguments.torn, arguments.seed) if name == "sweeper" else RayTune(tally)
    )
    tally.horizon = round(arguments.horizon or _whole(arm, place / "whole"), 1)
    began = time.monotonic()
    for _ in sweeps(arm, tally, arguments.kills, place, at_random(arguments.seed, tally.horizon)):
        tally.seconds = round(time.monotonic() - began, 1)
        yield


def _whole(arm: Arm, folder: Path) -> float:
    """How many seconds an arm takes for a whole sweep on this machine, without any kill."""
    ended = commands.run(arm.command(folder), folder / "screen.log")
    if ended.code:
        sys.exit(f"{folder / 'screen.log'}: the sweep does not even run without kills")
    return ended.seconds


def _write(arguments: argparse.Namespace, tallies: dict[str, Tally]) -> None:
    if not arguments.out:
        return
    libraries = {name: version(name) for name in ("ray", "optuna", "mlflow", "torch")}
    result = {
        "seed": arguments.seed,
        "machine": f"{len(os.sched_getaffinity(0))} CPUs, {platform.platform(terse=True)}",
        "versions": libraries,
        "arms": {name: tally.plain() for name, tally in tallies.items()},
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _print(tallies: dict[str, Tally]) -> None:
    print(" " * 32 + "".join(name.rjust(12) for name in tallies))
    for figure, words in FIGURES.items():
        print(words.ljust(32) + "".join(f"{tally.plain()[figure]:12g}" for tally in tallies.values()))
    for name, tally in tallies.items():
        moments = Counter(kill["while"] for kill in tally.killed)
        print(f"{name} was killed while: {', '.join(f'{word} {count}' for word, count in moments.most_common())}")
        for line in tally.violations:
            print(f"{name}: {line}")


if __name__ == "__main__":
    sys.exit(main())
