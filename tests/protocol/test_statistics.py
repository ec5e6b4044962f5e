"""Intervals cover the truth as often as they claim, and tests are wrong no more often than they claim."""

import math

import numpy as np
import pytest
from scipy import stats

from sweeper.protocol.statistics import Correct, Estimate, accuracy, holm_correction, pairwise_differences

TEXTS = 500


def system(random: np.random.Generator, easy: np.ndarray, seeds: int, skill: float, spread: float) -> Correct:
    """Return which texts a system's models get right. `easy` is the ease of each text, `spread` that of the seeds."""
    shift = skill + spread * random.standard_normal((seeds, 1))
    chance = 1 / (1 + np.exp(-(easy + shift)))
    return random.random((seeds, len(easy))) < chance


def difference(first: Correct, second: Correct) -> Estimate:
    return pairwise_differences([first, second])[0, 1]


def ease(random: np.random.Generator) -> np.ndarray:
    return 2 * random.standard_normal(TEXTS)


def test_interval_of_a_small_example_matches_a_calculation_by_hand() -> None:
    """Each model is right about its own number of texts; the texts differ in nothing else."""
    correct = np.zeros((3, 4), dtype=bool)
    correct[0, :1] = correct[1, :2] = correct[2, :3] = True
    estimate = accuracy(correct)
    seeds, texts = np.var([0.25, 0.5, 0.75], ddof=1) / 3, np.var([1, 2 / 3, 1 / 3, 0], ddof=1) / 4
    assert estimate.mean == 0.5
    assert estimate.error == pytest.approx(math.sqrt(seeds + texts))
    assert estimate.freedom == pytest.approx((seeds + texts) ** 2 / (seeds**2 / 2 + texts**2 / 3))
    assert estimate.high - estimate.mean == pytest.approx(estimate.error * stats.t.ppf(0.975, estimate.freedom))


def test_differences_pair_texts_but_not_seeds() -> None:
    random = np.random.default_rng(0)
    easy = ease(random)
    first, second = (system(random, easy, 5, 0.0, 0.0) for _ in range(2))
    paired = difference(first, second)
    shuffled = difference(first, second[:, random.permutation(TEXTS)])
    assert paired.mean == pytest.approx(shuffled.mean)
    assert paired.error < 0.8 * shuffled.error
    assert difference(second, first).mean == -paired.mean
    assert difference(second, first).p == pytest.approx(paired.p)


@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_systems_are_called_different_no_more_often_than_claimed(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    estimate = []
    for _ in range(400):
        easy = ease(random)
        estimate.append(
            difference(system(random, easy, seeds, 0.3, 0.1), system(random, easy, seeds, 0.3, 0.1)).p < 0.05
        )
    assert np.mean(estimate) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


def test_large_true_lead_is_found() -> None:
    random = np.random.default_rng(1)
    easy = ease(random)
    estimate = difference(system(random, easy, 5, 1.0, 0.05), system(random, easy, 5, 0.0, 0.05))
    assert estimate.low > 0.05
    assert estimate.p < 0.001


def test_interval_covers_the_true_accuracy_as_often_as_claimed() -> None:
    random, truth, held = np.random.default_rng(2), 0.5, 0  # as many texts are hard as easy
    for _ in range(400):
        estimate = accuracy(system(random, ease(random), 5, 0.0, 0.1))
        held += estimate.low <= truth <= estimate.high
    assert held / 400 >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / 400)


def test_identical_models_give_an_interval_without_width() -> None:
    same = np.ones((2, 3), dtype=bool)
    assert (accuracy(same).low, accuracy(same).high) == (1.0, 1.0)
    assert difference(same, same).p == 1.0
    assert difference(same, ~same).p == 0.0


def test_different_numbers_of_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="got 3 and 4"):
        difference(np.ones((2, 3), dtype=bool), np.ones((2, 4), dtype=bool))


def test_holm_correction_matches_a_calculation_by_hand() -> None:
    # in order .01 x 4, .02 x 3, .03 x 2, .2 x 1; the third may not be below the second
    assert holm_correction([0.02, 0.2, 0.01, 0.03]) == pytest.approx([0.06, 0.2, 0.04, 0.06])
    assert holm_correction([0.6, 0.9]) == [1.0, 1.0]
    assert holm_correction([]) == []


def test_pairwise_differences_match_single_differences_and_scipy() -> None:
    random = np.random.default_rng(3)
    easy = ease(random)
    systems = [system(random, easy, seeds, 0.1 * seeds, 0.2) for seeds in (2, 3, 5, 4)]
    estimates = pairwise_differences(systems)
    assert list(estimates) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    for (first, second), estimate in estimates.items():
        assert estimate == difference(systems[first], systems[second])
        seeds = [systems[k].mean(axis=1) for k in (first, second)]
        between = systems[first].mean(axis=0) - systems[second].mean(axis=0)
        parts = [(stats.sem(each) ** 2, len(each) - 1) for each in (*seeds, between)]
        freedom = sum(part for part, _ in parts) ** 2 / sum(part**2 / degrees for part, degrees in parts)
        assert (estimate.mean, estimate.freedom) == pytest.approx((between.mean(), freedom))
        interval = stats.t.interval(0.95, freedom, loc=between.mean(), scale=math.sqrt(sum(part for part, _ in parts)))
        assert (estimate.low, estimate.high) == pytest.approx(interval)


def test_difference_equals_welchs_test_if_texts_do_not_vary() -> None:
    """Each text is right in one model of each system, so the lead is the same for all texts."""
    first = np.arange(10) < np.array([[6], [10]])
    first[1] &= ~first[0]
    second = np.array([5, 3, 2]).repeat([5, 3, 2]) == np.array([[5], [3], [2]])
    estimate, welch = difference(first, second), stats.ttest_ind([0.6, 0.4], [0.5, 0.3, 0.2], equal_var=False)
    assert (estimate.mean, estimate.p) == pytest.approx((1 / 6, welch.pvalue))
    interval = welch.confidence_interval()
    assert (estimate.freedom, estimate.low, estimate.high) == pytest.approx((welch.df, interval.low, interval.high))


def test_one_system_or_none_gives_no_pairs() -> None:
    assert pairwise_differences([]) == {}
    assert pairwise_differences([np.ones((2, 3), dtype=bool)]) == {}
