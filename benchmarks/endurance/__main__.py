"""Kill the drivers of small real sweeps at random moments, a given number of times: sweeper beside Ray Tune.

Each start of a sweep's command is killed (SIGKILL, the driver alone) after a random time between 0 and what a whole
sweep takes. The same command follows at once, until the sweep is finished. Both arms train the same settings with the
same trainer. They are killed at the same fractions of what a whole sweep takes them; with --horizon, after the same
seconds. sweeper's record is checked after every kill, and record and MLflow at the end of every sweep. Resumed trials
are then trained again without interruption. The exit code is 1 if anything was found in sweeper's arm.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.arguments import check_at_least, check_at_most
from benchmarks.endurance import commands
from benchmarks.endurance.kill_schedule import Arm, Tally, at_random, run_sweeps
from benchmarks.endurance.ray_tune_arm import RayTuneArm
from benchmarks.endurance.sweeper_arm import SweeperArm
from sweeper.errors import UsageError
from sweeper.training.device import cpu_count

COUNTS = {
    "kills": "kills",
    "sweeps": "sweeps",
    "trials": "trials",
    "finished_before_a_kill": "finished before a kill",
    "lost": "of them lost or cut short",
    "repeated": "of them run again",
    "epochs_again": "epochs trained twice",
    "torn": "kills with a torn record",
    "doubled": "MLflow runs too many",
    "orphaned": "MLflow runs left RUNNING",
    "attempts": "attempts",
    "most_attempts": "most attempts of a trial",
    "compared": "trained again for comparison",
    "horizon": "seconds of a sweep without kills",
    "seconds": "seconds",
}


def main(words: Sequence[str] | None = None) -> int:
    """Run both arms, print the table and write the JSON. Returns the exit code."""
    arguments = _parse_arguments(words)
    try:
        check_at_least("--kills", arguments.kills, 1)
        check_at_least("--compare", arguments.compare, 0)
        check_at_least("--torn", arguments.torn, 0)
        check_at_most("--torn", arguments.torn, 1)
        if arguments.horizon is not None:
            check_at_least("--horizon", arguments.horizon, 0)
        folder = _empty_folder(arguments.folder)
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    tallies: dict[str, Tally] = {}
    with commands.exits_at_sigterm():
        for name in ("sweeper", "ray-tune"):
            if arguments.only in (None, name):
                tallies[name] = Tally()
                for _ in _run_arm(name, arguments, folder / name, tallies[name]):
                    _write(arguments, tallies)  # after every sweep, so that a late crash does not lose hours
    _print(tallies)
    print(f"sweeps, records and screens are in {folder}")
    return 1 if any(tally.violations for name, tally in tallies.items() if name == "sweeper") else 0


def _empty_folder(folder: Path | None) -> Path:
    """Return the folder for the sweeps. Raises UsageError if there is something in it, such as older sweeps."""
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"--folder {folder}: is not an empty folder; name a new one")
    return (folder or Path(tempfile.mkdtemp(prefix="endurance-"))).resolve()


def _parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills of each arm (200)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the delays (0)")
    parser.add_argument("--horizon", type=float, help="longest delay in seconds (what a whole sweep takes here)")
    parser.add_argument("--compare", type=int, default=2, help="resumed trials of each sweep to train again (2)")
    parser.add_argument("--torn", type=float, default=0, help="share of kills that cut the record's last line too (0)")
    parser.add_argument("--only", choices=["sweeper", "ray-tune"], help="run only this arm")
    parser.add_argument("--folder", type=Path, help="new or empty folder for the sweeps (a temporary one)")
    parser.add_argument("--out", type=Path, help="write the result to this file, as JSON")
    return parser.parse_args(words)


def _run_arm(name: str, arguments: argparse.Namespace, folder: Path, tally: Tally) -> Iterator[None]:
    """Run one arm until it has had all its kills. Yields after each sweep."""
    arm: Arm = (
        SweeperArm(tally, arguments.compare, arguments.torn, arguments.seed) if name == "sweeper" else RayTuneArm(tally)
    )
    tally.horizon = round(arguments.horizon or _time_whole_sweep(arm, folder / "whole"), 1)
    start = time.monotonic()
    for _ in run_sweeps(arm, tally, arguments.kills, folder, at_random(arguments.seed, tally.horizon)):
        tally.seconds = round(time.monotonic() - start, 1)
        yield


def _time_whole_sweep(arm: Arm, folder: Path) -> float:
    """Return the seconds that an arm takes for a whole sweep on this machine, without a kill."""
    end = commands.run(arm.command(folder), folder / "screen.log")
    if end.code:
        sys.exit(f"{folder / 'screen.log'}: the sweep fails even without kills")
    return end.seconds


def _write(arguments: argparse.Namespace, tallies: dict[str, Tally]) -> None:
    if not arguments.out:
        return
    result = {
        "seed": arguments.seed,
        "machine": f"{cpu_count()} CPUs, {platform.platform(terse=True)}",
        "versions": {name: version(name) for name in ("ray", "optuna", "mlflow", "torch")},
        "arms": {name: tally.to_dict() for name, tally in tallies.items()},
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _print(tallies: dict[str, Tally]) -> None:
    print(" " * 32 + "".join(name.rjust(12) for name in tallies))
    for count, label in COUNTS.items():
        print(label.ljust(32) + "".join(f"{tally.to_dict()[count]:12g}" for tally in tallies.values()))
    for name, tally in tallies.items():
        phases = Counter(kill["while"] for kill in tally.killed)
        print(f"{name} was killed while: {', '.join(f'{phase} {count}' for phase, count in phases.most_common())}")
        for line in tally.violations:
            print(f"{name}: {line}")


if __name__ == "__main__":
    sys.exit(main())
