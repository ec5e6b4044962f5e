"""Measure how many epochs a search needs to find a good setting.

    python -m benchmarks.economy record DATASET --out DIR     train recorded curves; the same command continues
    python -m benchmarks.economy rows DATASET --out DIR       write the rows of the trials that have ended so far

Recorded curves are learning curves of real trials: 48 quasi-random settings of each system, each with two seeds.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.economy.record import record, rows_path
from benchmarks.economy.rows import recorded_sweeps, write_rows
from sweeper.errors import SweeperError


def main() -> int:
    """Run one part of the benchmark. Returns the exit code."""
    arguments = _parse_arguments()
    try:
        if arguments.part == "record":
            options = arguments.seeds, arguments.overrides
            record(arguments.dataset, arguments.out, *options, inline=arguments.inline)
        else:
            write_rows(recorded_sweeps(arguments.dataset, arguments.out / "sweeps"), _rows_file(arguments))
    except SweeperError as error:
        print(error, file=sys.stderr)
        return 2
    print(_rows_file(arguments))
    return 0


def _rows_file(arguments: argparse.Namespace) -> Path:
    return rows_path(arguments.dataset, arguments.out)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.economy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part", required=True)
    for name, text in (("record", "train recorded curves"), ("rows", "write the rows of trials that have ended")):
        part = parts.add_parser(name, help=text)
        part.add_argument("dataset", help="name of a data set in the catalog")
        part.add_argument("--out", type=Path, required=True, help="folder for sweeps and rows")
        if name == "record":
            part.add_argument("--seeds", type=int, default=2, help="seeds of each setting (2)")
            part.add_argument("--inline", action="store_true", help="one trial at a time in this process, without Ray")
            part.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY.PATH=VALUE",
                              help="override a key of space.yaml, as in --set budget.trials=72")  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
