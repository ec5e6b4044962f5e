"""Show how near to 5 % a rule for bold can come where three systems are equal.

    python -m benchmarks.bold_limit [--most 5.5] [--draws 1000000] [--seed 0]

The table's rule is wrong in 5 % of tables if two systems are equally good and a third is far behind, and in fewer if
the third is as good as they are. A rule that looks at the third system could be less strict in that case. A linear
program finds the largest share that is reached there by any rule which

- sees three scores that are normal with the same known standard deviation,
- puts the best in bold whenever the table's rule does,
- is wrong in at most --most percent of tables, however far the third system is behind, and
- puts no lead in bold whose p, by the test of the pair, is above a bound.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import linprog

from benchmarks.arguments import check_at_least
from sweeper.errors import SweeperError, UsageError

LEVEL = 0.05
BOUNDS = (0.05, 0.1, 0.15, 0.2, 0.3)  # the largest p of a lead in bold
BEHIND = np.array([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6])  # of the third system, in deviations
LEADS = np.append(stats.norm.isf(np.linspace(0.5, LEVEL / 2, 96)), np.inf)  # edges of bins, in deviations of a lead
GAPS = np.append(np.linspace(0, 4, 81), np.inf)  # edges of bins of the second system's lead over the third


def count_tables(draws: int, seed: int) -> NDArray[np.float64]:
    """Return the share of tables in each bin: (BEHIND, leads of the best system, leads of the second one)."""
    scores = np.random.default_rng(seed).standard_normal((draws, 3))
    shares = []
    for behind in BEHIND:
        third, second, first = np.sort(scores - np.array([0, 0, behind]), axis=1).T
        leads, gaps = (first - second) / np.sqrt(2), (second - third) / np.sqrt(2)
        shares.append(np.histogram2d(leads, gaps, (LEADS, GAPS))[0] / draws)
    return np.array(shares)


def largest_share(shares: NDArray[np.float64], bound: float, most: float) -> float:
    """Return the largest share of tables with a bold figure where three systems are equal, over all allowed rules.

    A rule is the probability of bold in each bin. Raises UsageError if no rule is allowed, as with `most` below LEVEL.
    """
    tables = shares.reshape(len(shares), -1)
    limits = [limits for lead in LEADS[:-1] for limits in [_probabilities(lead, bound)] * (len(GAPS) - 1)]
    rule = linprog(-tables[0], A_ub=tables, b_ub=np.full(len(tables), most), bounds=limits, method="highs")
    if rule.x is None:
        raise UsageError(f"--most {100 * most:g}: the table's own rule is wrong more often, so no rule is allowed")
    return float(-rule.fun)


def _probabilities(lead: float, bound: float) -> tuple[int, int]:
    """Return the least and the largest probability with which a rule may put this lead in bold."""
    rounding = 1e-9
    if lead > stats.norm.isf(LEVEL / 2) - rounding:
        return 1, 1
    return 0, int(lead > stats.norm.isf(bound / 2) - rounding)


def main(words: Sequence[str] | None = None) -> int:
    """Print a table with a row per bound of p. Returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--most", type=float, default=5.5, help="allowed percent of tables with a false bold figure")
    options.add_argument("--draws", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args(words)
    try:
        check_at_least("--most", arguments.most, 100 * LEVEL)
        check_at_least("--draws", arguments.draws, 1)
        shares = count_tables(arguments.draws, arguments.seed)
        reached = [largest_share(shares, bound, arguments.most / 100) for bound in BOUNDS]
    except SweeperError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("| bold needs p of at most | false bold where three systems are equal, at most |\n|---|---|")
    for bound, share in zip(BOUNDS, reached, strict=True):
        print(f"| {bound:g} | {100 * share:.1f} % |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
