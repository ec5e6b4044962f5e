"""Memory, open files and threads of the driver and its workers over 500 trials of one sweep, read from outside.

    python -m benchmarks.memory [--trials 500] [--after 50] [--out result.json]

The workers are reused from trial to trial, so what a trial leaves behind adds up. Five times a second /proc is read for
each process, beside how many trials the record has ended by then. Memory is the median over the samples near trial 50
and near the last; files and threads are the fewest there, for what is open for a moment is no leak. The claim is: under
10 % more memory, and no more files and threads than a trial that is starting has. The exit code is 1 where it fails.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.endurance import commands

SWEEP = Path(__file__).parent / "endurance" / "many.yaml"
GROWTH = 10.0  # percent
SLACK = 2  # files or threads: those of a trial that is starting; a leak would show as hundreds
_NEAR = 0.05  # of all trials: how far from trial 50 and from the last a sample still counts


@dataclass(frozen=True)
class Sample:
    """One process at one moment. `resident` and `private` (what no other process shares) are in MB."""

    trials: int  # ended by then
    pid: int
    process: str
    resident: float
    private: float
    files: int
    threads: int


def main() -> int:
    """Run the sweep, watch it, print the table and write the JSON."""
    arguments = _arguments()
    place = (arguments.folder or Path(tempfile.mkdtemp(prefix="memory-"))).resolve()
    began = time.monotonic()
    samples = _watched(place, arguments.trials)
    found = _compared(samples, arguments.after, arguments.trials)
    result = {
        "trials": arguments.trials,
        "after": arguments.after,
        "seconds": round(time.monotonic() - began, 1),
        "processes": found,
        "samples": [asdict(sample) for sample in samples],
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    _print(found, arguments.after, arguments.trials)
    return 0 if found and all(one["holds"] for one in found) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--trials", type=int, default=500, help="trials of the sweep (500)")
    parser.add_argument("--after", type=int, default=50, help="the trial from which on nothing may grow (50)")
    parser.add_argument("--folder", type=Path, help="where the sweep goes (a new temporary folder)")
    parser.add_argument("--out", type=Path, help="where the result goes, as JSON")
    return parser.parse_args()


def _watched(place: Path, trials: int) -> list[Sample]:
    """Run the sweep, and sample its processes until it is over."""
    place.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sweeper", "run", str(SWEEP), "--sweeps", str(place / "sweeps")]
    samples: list[Sample] = []
    with (place / "screen.log").open("wb") as screen:
        running = subprocess.Popen(
            [*command, "--set", f"budget.trials={trials}"],
            stdout=screen,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        while running.poll() is None:
            samples += _samples(place, running.pid)
            time.sleep(0.2)
    if running.returncode:
        sys.exit(f"{place / 'screen.log'}: the sweep ended with {running.returncode}")
    return samples


def _samples(place: Path, driver: int) -> list[Sample]:
    record = next((place / "sweeps").glob("*/record.journal"), None)
    trials = record.read_bytes().count(b'"outcome":') if record else 0
    processes = {driver: "driver"} | {
        pid: "worker" for pid, name in commands.processes(driver) if name.startswith("ray::") and "Agent" not in name
    }
    found = [_sample(trials, pid, process) for pid, process in processes.items()]
    return [sample for sample in found if sample is not None]


def _sample(trials: int, pid: int, process: str) -> Sample | None:
    """What /proc says of a process; None where it has ended."""
    place = Path(f"/proc/{pid}")
    try:
        status = _fields(place / "status")
        memory = _fields(place / "smaps_rollup")
        files = len(list((place / "fd").iterdir()))
    except (OSError, ValueError):
        return None
    private = memory["Private_Clean"] + memory["Private_Dirty"]
    return Sample(trials, pid, process, status["VmRSS"] / 1024, private / 1024, files, status["Threads"])


def _fields(path: Path) -> dict[str, int]:
    """The numbers in a file of lines such as `VmRSS:  1234 kB`."""
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    return {name: int(value.split()[0]) for name, _, value in pairs if value.split() and value.split()[0].isdigit()}


def _compared(samples: Sequence[Sample], after: int, trials: int) -> list[dict[str, Any]]:
    """Each process that lived near both moments, then and later."""
    near = max(5, round(_NEAR * trials))
    by_process: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    for sample in samples:
        by_process[sample.process, sample.pid].append(sample)
    found = []
    for (process, pid), all_samples in by_process.items():
        then = [sample for sample in all_samples if abs(sample.trials - after) <= near]
        later = [sample for sample in all_samples if trials - near <= sample.trials < trials]
        if then and later:
            found.append({"process": process, "pid": pid, **_growth(then, later)})
    return found


def _growth(then: Sequence[Sample], later: Sequence[Sample]) -> dict[str, Any]:
    measures: dict[str, Callable[[list[float]], float]] = {
        "resident": median, "private": median, "files": min, "threads": min
    }  # fmt: skip
    pairs = {
        name: [measure([getattr(sample, name) for sample in part]) for part in (then, later)]
        for name, measure in measures.items()
    }
    percent = {name: 100 * (pairs[name][1] / pairs[name][0] - 1) for name in ("resident", "private")}
    steady = all(pairs[name][1] <= pairs[name][0] + SLACK for name in ("files", "threads"))
    return {**pairs, "growth_percent": percent, "holds": steady and percent["resident"] < GROWTH}


def _print(found: Sequence[dict[str, Any]], after: int, trials: int) -> None:
    print(
        f"trial {after} and trial {trials}".ljust(24)
        + "resident MB".rjust(22)
        + "files".rjust(14)
        + "threads".rjust(14)
    )
    for one in found:
        then, later = one["resident"]
        memory = f"{then:.0f} {later:.0f} ({one['growth_percent']['resident']:+.1f} %)"
        files, threads = (f"{one[name][0]:g} {one[name][1]:g}" for name in ("files", "threads"))
        verdict = "" if one["holds"] else "  grows"
        print(
            f"{one['process']} {one['pid']}".ljust(24)
            + memory.rjust(22)
            + files.rjust(14)
            + threads.rjust(14)
            + verdict
        )


if __name__ == "__main__":
    sys.exit(main())
