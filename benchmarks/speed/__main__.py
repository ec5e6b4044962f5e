"""Measure sweeper beside what a user would run instead: one table, and JSON beside it.

    python -m benchmarks.speed [--quick] [--rows throughput,loading] [--out FILE.json]

The arms of a comparison take turns, each in a process of its own: one measurement each in every round, with another arm
first. The table has the median of the rounds, with the lowest and the highest value. Without --data, SST-5 comes from
the hub (HF_ENDPOINT), or the data set that ships with sweeper if there is none. Exit code 1: an arm failed.

The result goes to build/speed.json, and replaces the previous one. To keep a result for docs/benchmarks/speed.md, name
a file in benchmarks/speed/results with --out.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks.speed import machine, screen
from benchmarks.speed.cases import Case, CaseResult, failed_case, run_case
from benchmarks.speed.registry import ROWS, load_row
from benchmarks.speed.result import BenchmarkResult
from benchmarks.speed.session import Session
from benchmarks.speed.settings import QUICK_SIZES, Settings
from sweeper.training.device import cpu_count

OUT = Path(__file__).parents[2] / "build" / "speed.json"


def main(words: Sequence[str] | None = None) -> int:
    """Run the chosen rows, print the table, and write the JSON. Returns the exit code."""
    arguments = parse_arguments(sys.argv[1:] if words is None else words)
    console, start = Console(stderr=False), time.perf_counter()
    session = Session(make_settings(arguments), Path(tempfile.mkdtemp(prefix="speed-")))
    cases: list[CaseResult] = []
    try:
        session = _with_reachable_data(session, console)
        for name in arguments.rows:
            cases += _run_row(name, session, console)
    finally:
        if arguments.keep:
            console.print(f"kept: {session.folder}")
        else:
            shutil.rmtree(session.folder, ignore_errors=True)
        result = BenchmarkResult(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            command=" ".join(("python -m benchmarks.speed", *(sys.argv[1:] if words is None else words))),
            machine=machine.describe_machine(),
            settings=asdict(session.settings),
            seconds=round(time.perf_counter() - start, 1),
            cases=cases,
        )
        result.write(arguments.out)
        screen.show_result(console, result)
        console.print(f"JSON: {arguments.out}")
    return 1 if any(arm.error for case in cases for arm in case.arms.values()) else 0


def _run_row(name: str, session: Session, console: Console) -> list[CaseResult]:
    """Run the cases of a row. If the row cannot be prepared, its result says why, and the other rows are run."""
    results: list[CaseResult] = []
    console.rule(f"{name}: {ROWS[name]}")
    busy = machine.busy_share()  # before the row, because some rows do their work before they yield a case
    try:
        for case in load_row(name)(session):
            results.append(run_case(case, session.settings.seeds, max(busy, machine.busy_share())))
            screen.show_progress(console, results[-1])
    except Exception as error:
        results.append(failed_case(Case(name, ROWS[name], "", []), error))
        screen.show_progress(console, results[-1])
    return results


def _with_reachable_data(session: Session, console: Console) -> Session:
    """Return the session with a data set that can be had: what --data names is, or the rows say why not."""
    if session.settings.data != Settings.data:
        return session
    with session.processes("data") as processes:
        settings = processes["data"].call("benchmarks.speed.inputs:reachable_data", session.settings)
    if settings != session.settings:
        console.print(f"{session.settings.data} cannot be fetched: {settings.data} is used instead")
    return replace(session, settings=settings)


def make_settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings that the command line asks for. What it names has precedence over the sizes of --quick."""
    settings = Settings(threads=cpu_count(), **(QUICK_SIZES if arguments.quick else {}))
    named = {field.name: getattr(arguments, field.name, None) for field in fields(Settings) if field.name != "quick"}
    return replace(settings, **{name: value for name, value in named.items() if value is not None})


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    listed = "; ".join(f"{name}: {text}" for name, text in ROWS.items())
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer cases: under 10 minutes")
    parser.add_argument("--rows", type=_names, default=list(ROWS), help=f"rows to run, by default all ({listed})")
    parser.add_argument("--rounds", type=_count, help="rounds of each comparison (3)")
    parser.add_argument("--seed", type=int, help="seed of the first round (0)")
    parser.add_argument("--data", help="a data set that sweeper knows, or a search space that describes one (sst5)")
    parser.add_argument("--encoder", help="a model of the hub, or a folder (MiniLM)")
    parser.add_argument("--threads", type=_count, help="processor threads of a training (all)")
    parser.add_argument("--batch-sizes", type=_sizes, help="batch sizes (4,8,32)")
    parser.add_argument("--steps", type=_count, help="training steps of a measurement (50)")
    parser.add_argument("--epochs", type=_count, help="epochs of the row accuracy (1)")
    parser.add_argument("--trials", type=_count, help="trials of the long sweep (10000; quick: 500)")
    parser.add_argument("--peer-trials", type=_count, help="trials of Ray Tune's long experiment (1000; quick: 100)")
    parser.add_argument("--runs", type=_count, help="runs in the MLflow store (5000; quick: 500)")
    parser.add_argument("--file-rows", type=_count, help="rows of a loaded file (1000000; quick: 100000)")
    parser.add_argument("--out", type=Path, default=OUT, help="file for the result (build/speed.json)")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs of all processes")
    return parser.parse_args(words)


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown row {unknown[0]!r}, allowed: {', '.join(ROWS)}")
    return names


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a whole number of at least 1")
    return int(text)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_count(word) for word in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
