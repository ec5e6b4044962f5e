"""Measure the remaining time that a live view shows against the truth.

    python -m benchmarks.time_left [SWEEP ...] [--simulated 100] [--first 1000] [--limit hours] [--bound 30]

SWEEP is the folder of a finished sweep, which is not changed. Without one, simulated sweeps are played, with each limit
of the search in turn. An estimate counts if it is within a third of the truth. There are 15 of a sweep, after 25, 30,
..., 95 % of its time. With --bound, a second row has the best answers that any estimate could give: from each moment,
the simulated sweep is continued so many times.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.arguments import check_at_least
from benchmarks.time_left.bound import best_estimates
from benchmarks.time_left.replay import Estimate, recorded_sweep, replay
from benchmarks.time_left.shapes import LIMITS, simulated_sweep
from sweeper.errors import SweeperError

_PARTS = ((0.25, 0.45), (0.5, 0.7), (0.75, 0.85), (0.9, 0.95))  # shares of a sweep's time


def main(words: Sequence[str] | None = None) -> int:
    """Print one table, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.time_left", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("sweeps", nargs="*", type=Path, metavar="SWEEP")
    parser.add_argument("--simulated", type=int, default=100, help="simulated sweeps with each limit")
    parser.add_argument("--first", type=int, default=1000, help="number of the first of them")
    parser.add_argument("--limit", choices=LIMITS, action="append", help="a limit of the search; all without it")
    parser.add_argument("--bound", type=int, default=0, metavar="N", help="continuations for the best answers; 0: none")
    arguments = parser.parse_args(words)
    parts = [f"{100 * begin:.0f} to {100 * end:.0f} %" for begin, end in _PARTS]
    head = [f"| {' | '.join(['sweeps', 'within a third', *parts, 'sweeps with all 15'])} |"]
    head += ["|---" * (len(parts) + 3) + "|"]
    try:
        check_at_least("--simulated", arguments.simulated, 1)
        check_at_least("--bound", arguments.bound, 0)
        if arguments.sweeps:
            recorded = {folder: recorded_sweep(folder) for folder in arguments.sweeps}
            print("\n".join(head))
            for folder, sweep in recorded.items():
                print(table_row(folder.name, [replay(sweep)]))
        else:
            print("\n".join(head))
            numbers = range(arguments.first, arguments.first + arguments.simulated)
            for limit in arguments.limit or LIMITS:
                sweeps = [simulated_sweep(number, limit) for number in numbers]
                print(table_row(f"limit: {limit}", [replay(sweep) for sweep in sweeps]), flush=True)
                if arguments.bound:
                    bests = [best_estimates(number, limit, arguments.bound) for number in numbers]
                    print(table_row("the best possible", bests), flush=True)
    except SweeperError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def table_row(name: str, replays: Sequence[Sequence[Estimate]]) -> str:
    """Return the row of some sweeps: shares of the estimates that are close, and the sweeps where all are."""
    every = [estimate for replayed in replays for estimate in replayed]
    parts = [[it for it in every if begin - 0.01 < it.share < end + 0.01] for begin, end in _PARTS]
    whole = sum(all(it.is_close for it in replayed) for replayed in replays)
    cells = [name, _share(every), *map(_share, parts), f"{whole} of {len(replays)}"]
    return f"| {' | '.join(cells)} |"


def _share(estimates: Iterable[Estimate]) -> str:
    close = [estimate.is_close for estimate in estimates]
    return f"{sum(close) / max(1, len(close)):.2f}"


if __name__ == "__main__":
    sys.exit(main())
