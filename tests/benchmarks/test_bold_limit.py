"""The limit of every rule for bold."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks.bold_limit import BEHIND, LEVEL, count_tables, largest_share, main
from sweeper.errors import UsageError


@pytest.fixture(scope="module")
def shares() -> NDArray[np.float64]:
    return count_tables(draws=40_000, seed=1)


def test_every_table_is_counted_once(shares: NDArray[np.float64]) -> None:
    assert np.allclose(shares.sum(axis=(1, 2)), 1)


def test_without_room_the_rule_is_that_of_the_table(shares: NDArray[np.float64]) -> None:
    first, second, _ = np.sort(np.random.default_rng(2).standard_normal((3, 40_000)), axis=0)[::-1]
    bold = np.mean(first - second >= np.sqrt(2) * stats.norm.isf(LEVEL / 2))
    assert largest_share(shares, LEVEL, most=0.055) == pytest.approx(bold, abs=0.003)


def test_with_a_third_system_far_behind_the_table_is_wrong_at_its_level(shares: NDArray[np.float64]) -> None:
    leads = shares[BEHIND.argmax()].sum(axis=1)
    assert leads[-1] == pytest.approx(LEVEL, abs=0.005)


def test_a_higher_bound_reaches_more_and_never_more_than_allowed(shares: NDArray[np.float64]) -> None:
    reached = [largest_share(shares, bound, most=0.055) for bound in (0.05, 0.1, 0.2, 1.0)]
    assert reached == sorted(reached)
    assert reached[0] < reached[-1] <= 0.055


def test_a_share_that_the_tables_rule_exceeds_is_refused(shares: NDArray[np.float64]) -> None:
    with pytest.raises(UsageError, match="no rule is allowed"):
        largest_share(shares, 0.1, most=0.03)


def test_a_share_below_the_level_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--most", "4"]) == 2
    assert capsys.readouterr().err == "--most 4: must be at least 5\n"
