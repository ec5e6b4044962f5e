"""Measure memory, open files and threads of the driver and its workers over 500 trials of one sweep.

    python -m benchmarks.memory [--trials 500] [--after 50] [--out result.json]

Workers are reused from trial to trial, so anything that a trial leaks adds up. /proc is read five times a second for
each process, together with the number of trials that the record says have ended. Memory is the median of the samples
near trial 50 and near the last trial. Files and threads are the minimum of those samples, because something that is
open for a moment is not a leak. The claim: memory grows by less than 10 %, and files and threads by no more than a
starting trial needs. The exit code is 1 if the claim fails.
"""

import argparse
import json
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
from benchmarks.local_environment import local_environment

SWEEP = Path(__file__).with_name("memory.yaml")
MAX_GROWTH = 10.0  # percent
SLACK = 2  # files or threads, as a starting trial needs; a leak would show as hundreds
_NEAR = 0.05  # share of all trials: samples within this distance of trial 50 and of the last one count


@dataclass(frozen=True)
class Sample:
    """One process at one moment. `resident` and `private` (memory that no other process shares) are in MB."""

    trials: int  # that had ended by then
    pid: int
    process: str
    resident: float
    private: float
    files: int
    threads: int


def main() -> int:
    """Run the sweep, sample its processes, print the table and write the JSON. Returns the exit code."""
    arguments = _parse_arguments()
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
    folder = (arguments.folder or Path(tempfile.mkdtemp(prefix="memory-"))).resolve()
    start = time.monotonic()
    samples = _run_sampled_sweep(folder, arguments.trials)
    processes = _compare(samples, arguments.after, arguments.trials)
    result = {
        "trials": arguments.trials,
        "after": arguments.after,
        "seconds": round(time.monotonic() - start, 1),
        "processes": processes,
        "samples": [asdict(sample) for sample in samples],
    }
    _print(processes, arguments.after, arguments.trials)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if processes and all(process["holds"] for process in processes) else 1


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--trials", type=int, default=500, help="number of trials (500)")
    parser.add_argument("--after", type=int, default=50, help="trial after which nothing may grow (50)")
    parser.add_argument("--folder", type=Path, help="folder for the sweep (a new temporary folder)")
    parser.add_argument("--out", type=Path, help="write the result to this file, as JSON")
    return parser.parse_args()


def _run_sampled_sweep(folder: Path, trials: int) -> list[Sample]:
    """Run the sweep and sample its processes until it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sweeper", "run", str(SWEEP), "--sweeps", str(folder / "sweeps")]
    samples: list[Sample] = []
    with (folder / "screen.log").open("wb") as screen:
        running = subprocess.Popen(
            [*command, "--set", f"budget.trials={trials}"],
            stdout=screen,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**local_environment(), "HF_HUB_OFFLINE": "1"},
        )
        while running.poll() is None:
            samples += _sample_all(folder, running.pid)
            time.sleep(0.2)
    if running.returncode:
        sys.exit(f"{folder / 'screen.log'}: the sweep ended with {running.returncode}")
    return samples


def _sample_all(folder: Path, driver: int) -> list[Sample]:
    """Return a sample of the driver and of each of its workers."""
    record = next((folder / "sweeps").glob("*/record.journal"), None)
    trials = record.read_bytes().count(b'"outcome":') if record else 0
    workers = [
        pid for pid, name in commands.session_processes(driver) if name.startswith("ray::") and "Agent" not in name
    ]
    processes = {driver: "driver"} | dict.fromkeys(workers, "worker")
    samples = [_sample(trials, pid, process) for pid, process in processes.items()]
    return [sample for sample in samples if sample is not None]


def _sample(trials: int, pid: int, process: str) -> Sample | None:
    """Return what /proc says of a process, or None if it has ended."""
    proc = Path(f"/proc/{pid}")
    try:
        status = _read_numbers(proc / "status")
        memory = _read_numbers(proc / "smaps_rollup")
        files = len(list((proc / "fd").iterdir()))
    except (OSError, ValueError):
        return None
    private = memory["Private_Clean"] + memory["Private_Dirty"]
    return Sample(trials, pid, process, status["VmRSS"] / 1024, private / 1024, files, status["Threads"])


def _read_numbers(path: Path) -> dict[str, int]:
    """Return the numbers in a file with lines such as `VmRSS:  1234 kB`."""
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    return {name: int(value.split()[0]) for name, _, value in pairs if value.split() and value.split()[0].isdigit()}


def _compare(samples: Sequence[Sample], after: int, trials: int) -> list[dict[str, Any]]:
    """Compare each process that lived both near trial `after` and near the last trial."""
    near = max(5, round(_NEAR * trials))
    by_process: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    for sample in samples:
        by_process[sample.process, sample.pid].append(sample)
    comparisons = []
    for (process, pid), all_samples in by_process.items():
        then = [sample for sample in all_samples if abs(sample.trials - after) <= near]
        later = [sample for sample in all_samples if trials - near <= sample.trials < trials]
        if then and later:
            comparisons.append({"process": process, "pid": pid, **_growth(then, later)})
    return comparisons


def _growth(then: Sequence[Sample], later: Sequence[Sample]) -> dict[str, Any]:
    measures: dict[str, Callable[[list[float]], float]] = {
        "resident": median, "private": median, "files": min, "threads": min
    }  # fmt: skip
    pairs = {
        name: [measure([getattr(sample, name) for sample in samples]) for samples in (then, later)]
        for name, measure in measures.items()
    }
    percent = {name: 100 * (pairs[name][1] / pairs[name][0] - 1) for name in ("resident", "private")}
    steady = all(pairs[name][1] <= pairs[name][0] + SLACK for name in ("files", "threads"))
    return {**pairs, "growth_percent": percent, "holds": steady and percent["resident"] < MAX_GROWTH}


def _print(processes: Sequence[dict[str, Any]], after: int, trials: int) -> None:
    print(
        f"trial {after} and trial {trials}".ljust(24)
        + "resident MB".rjust(22)
        + "files".rjust(14)
        + "threads".rjust(14)
    )
    for process in processes:
        then, later = process["resident"]
        memory = f"{then:.0f} {later:.0f} ({process['growth_percent']['resident']:+.1f} %)"
        files, threads = (f"{process[name][0]:g} {process[name][1]:g}" for name in ("files", "threads"))
        verdict = "" if process["holds"] else "  grows"
        print(
            f"{process['process']} {process['pid']}".ljust(24)
            + memory.rjust(22)
            + files.rjust(14)
            + threads.rjust(14)
            + verdict
        )


if __name__ == "__main__":
    sys.exit(main())
