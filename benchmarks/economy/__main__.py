"""Measure how many epochs a search needs to find a good setting.

    python -m benchmarks.economy record DATASET --out DIR     train recorded curves; the same command continues
    python -m benchmarks.economy rows DATASET --out DIR       write the rows of the trials that have ended so far
    python -m benchmarks.economy replay ROWS.parquet ...      replay searches on recorded curves, and print tables
    python -m benchmarks.economy table RESULTS.parquet ...    print the summary of replays that `replay --out` has kept

Recorded curves are learning curves of real trials: 48 quasi-random settings of each system, each with two seeds. A
replay runs a whole search on a simulated clock. Its trials have curves of a surrogate that was fitted to the records.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arguments import check_at_least
from benchmarks.economy.record import record, record_missing, rows_path
from benchmarks.economy.rows import recorded_sweeps, write_rows
from benchmarks.economy.settings import FORMER_DEFAULT
from sweeper.errors import SweeperError, UsageError

BUDGETS = (9, 18, 36, 48, 96)  # trials; of three systems, quickstart.yaml gives each 3, sst2.yaml 12, sst5.yaml 16


def main(words: Sequence[str] | None = None) -> int:
    """Run one part of the benchmark. Returns the exit code."""
    arguments = _parse_arguments(words)
    try:
        _check_numbers(arguments)
        if arguments.part == "replay":
            from benchmarks.economy.report import report_replays

            report_replays(arguments)
            return 0
        if arguments.part == "table":
            from benchmarks.economy.report import report_results

            report_results(arguments.results, arguments.reference)
            return 0
        if arguments.part == "record":
            _record(arguments)
        else:
            _write_rows(arguments)
    except SweeperError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(_rows_file(arguments))
    return 0


def _check_numbers(arguments: argparse.Namespace) -> None:
    for option in ("replays", "workers", "trials", "seeds"):
        values = getattr(arguments, option, [])
        for value in values if isinstance(values, list) else [values]:
            check_at_least(f"--{option}", value, 1)


def _record(arguments: argparse.Namespace) -> None:
    dataset, out, options = arguments.dataset, arguments.out, (arguments.seeds, arguments.overrides)
    if arguments.kept is None:
        record(dataset, out, *options, inline=arguments.inline)
    else:
        record_missing(dataset, out, arguments.kept, *options, inline=arguments.inline)


def _write_rows(arguments: argparse.Namespace) -> None:
    sweeps = arguments.out / "sweeps"
    folders = recorded_sweeps(arguments.dataset, sweeps)
    if not folders:
        raise UsageError(f"{sweeps}: has no sweep of {arguments.dataset}; record one, or name another --out")
    write_rows(folders, _rows_file(arguments), arguments.kept)


def _rows_file(arguments: argparse.Namespace) -> Path:
    return rows_path(arguments.dataset, arguments.out)


def _parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.economy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part", required=True)
    for name, text in (("record", "train recorded curves"), ("rows", "write the rows of trials that have ended")):
        part = parts.add_parser(name, help=text)
        part.add_argument("dataset", help="name of a data set in the catalog")
        part.add_argument("--out", type=Path, required=True, help="folder for sweeps and rows")
        part.add_argument("--kept", type=Path, metavar="ROWS.parquet",
                          help="recorded elsewhere; `record` trains what they lack, both are written")  # fmt: skip
        if name == "record":
            _add_record_options(part)
    _add_replay_options(parts.add_parser("replay", help="replay searches on recorded curves"))
    _add_table_options(parts.add_parser("table", help="print the summary of replays that were kept"))
    return parser.parse_args(words)


def _add_record_options(part: argparse.ArgumentParser) -> None:
    part.add_argument("--seeds", type=int, default=2, help="seeds of each setting (2)")
    part.add_argument("--inline", action="store_true", help="one trial at a time in this process, without Ray")
    part.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY.PATH=VALUE",
                      help="override a key of space.yaml, as in --set budget.trials=72")  # fmt: skip


def _add_replay_options(part: argparse.ArgumentParser) -> None:
    part.add_argument("rows", type=Path, nargs="+", help="files of recorded rows, one for each data set")
    part.add_argument("--replays", type=int, default=20, help="replays of each arm, budget and number of workers (20)")
    part.add_argument("--seed", type=int, default=0, help="another number gives other replays (0)")
    part.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16], help="trials at once (1 4 16)")
    part.add_argument("--trials", type=int, nargs="+", default=list(BUDGETS), help="budgets (9 18 36 48 96)")
    part.add_argument("--arms", nargs="+", help="only the arms with one of these names, or parts of names")
    part.add_argument("--arm", action="append", nargs="+", default=[], metavar=("NAME", "KEY.PATH=VALUE"),
                      help="one more arm: sweeper's search with keys of space.yaml replaced")  # fmt: skip
    _add_reference(part)
    part.add_argument("--nearest", action="store_true", help="give trials the curve of the nearest recorded setting")
    part.add_argument("--summary", action="store_true",
                      help="print one table over all data sets, and where an arm of ours loses to a peer")  # fmt: skip
    part.add_argument("--out", type=Path, help="write the result of each search to this Parquet file")


def _add_table_options(part: argparse.ArgumentParser) -> None:
    part.add_argument("results", type=Path, nargs="+", help="files that `replay --out` has written, of any arms")
    _add_reference(part)


def _add_reference(part: argparse.ArgumentParser) -> None:
    part.add_argument("--reference", default=FORMER_DEFAULT, metavar="ARM",
                      help=f"the arm that the others are compared with ({FORMER_DEFAULT})")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
