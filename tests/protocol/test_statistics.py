"""Intervals cover the truth as often as they claim, and tests are wrong no more often than they claim."""

import math

import numpy as np
import pytest
from scipy import stats

from sweeper.protocol.statistics import (
    Estimate,
    TextScores,
    holm_correction,
    mean_score,
    pairwise_differences,
    selected_best_p,
)

TEXTS = 500


def system(random: np.random.Generator, easy: np.ndarray, seeds: int, skill: float, spread: float) -> TextScores:
    """Return which texts a system's models get right. `easy` is the ease of each text, `spread` that of the seeds."""
    shift = skill + spread * random.standard_normal((seeds, 1))
    chance = 1 / (1 + np.exp(-(easy + shift)))
    return random.random((seeds, len(easy))) < chance


def difference(first: TextScores, second: TextScores) -> Estimate:
    return pairwise_differences([first, second])[0, 1]


def ease(random: np.random.Generator) -> np.ndarray:
    return 2 * random.standard_normal(TEXTS)


def mean_squares(correct: TextScores) -> tuple[float, float, float]:
    """Return the mean squares of seeds, texts and residual of a two-way layout, each over S · N."""
    seeds, texts = correct.shape
    mean = correct.mean()
    over_seeds = texts * sum((row.mean() - mean) ** 2 for row in correct) / (seeds - 1)
    over_texts = seeds * sum((column.mean() - mean) ** 2 for column in correct.T) / (texts - 1)
    deviations = correct - correct.mean(axis=1, keepdims=True) - correct.mean(axis=0, keepdims=True) + mean
    residual = np.square(deviations).sum() / ((seeds - 1) * (texts - 1))
    return over_seeds / correct.size, over_texts / correct.size, residual / correct.size


def test_interval_of_a_small_example_matches_a_naive_calculation() -> None:
    correct = np.random.default_rng(5).random((3, 8)) < np.array([[0.2], [0.5], [0.9]])
    seeds, texts, residual = mean_squares(correct)
    assert seeds + texts - residual > max(seeds, texts)
    variance = seeds + texts - residual
    estimate = mean_score(correct)
    assert estimate.mean == pytest.approx(correct.mean())
    assert estimate.error == pytest.approx(math.sqrt(variance))
    assert estimate.freedom == pytest.approx(variance**2 / (seeds**2 / 2 + texts**2 / 7 + residual**2 / 14))
    assert estimate.high - estimate.mean == pytest.approx(estimate.error * stats.t.ppf(0.975, estimate.freedom))


def test_a_negative_component_counts_as_zero() -> None:
    """Each model is right about its own three texts, so that the seeds' means differ less than the residual allows."""
    correct = np.arange(9) // 3 == np.array([[0], [1], [2]])
    seeds, texts, residual = mean_squares(correct)
    assert seeds == texts == 0.0 < residual
    mixed = np.concatenate([correct, np.ones((3, 9), dtype=bool)], axis=1)
    seeds, texts, residual = mean_squares(mixed)
    assert seeds < residual
    assert mean_score(mixed).error == pytest.approx(math.sqrt(texts))


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


@pytest.mark.parametrize("seeds", [3, 10])
def test_error_is_that_of_repeated_experiments(seeds: int) -> None:
    """The variance counts each source once: with other seeds and other texts, leads differ by as much as it says."""
    random = np.random.default_rng(seeds)
    leads = []
    for _ in range(300):
        easy = ease(random)
        leads.append(difference(system(random, easy, seeds, 0.3, 0.03), system(random, easy, seeds, 0.3, 0.03)))
    variance = np.var([lead.mean for lead in leads], ddof=1)
    assert 0.8 < np.mean([lead.error**2 for lead in leads]) / variance < 1.4


def test_large_true_lead_is_found() -> None:
    random = np.random.default_rng(1)
    easy = ease(random)
    estimate = difference(system(random, easy, 5, 1.0, 0.05), system(random, easy, 5, 0.0, 0.05))
    assert estimate.low > 0.05
    assert estimate.p < 0.001


def test_interval_covers_the_true_accuracy_as_often_as_claimed() -> None:
    random, truth, held = np.random.default_rng(2), 0.5, 0  # as many texts are hard as easy
    for _ in range(400):
        estimate = mean_score(system(random, ease(random), 5, 0.0, 0.1))
        held += estimate.low <= truth <= estimate.high
    assert held / 400 >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / 400)


def test_identical_models_give_an_interval_without_width() -> None:
    same = np.ones((2, 3), dtype=bool)
    assert (mean_score(same).low, mean_score(same).high) == (1.0, 1.0)
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
        between = systems[first].mean(axis=0) - systems[second].mean(axis=0)
        texts, sources = stats.sem(between) ** 2, [mean_squares(systems[k]) for k in (first, second)]
        over_seeds, residual = sum(each[0] for each in sources), sum(each[2] for each in sources)
        variance = max(over_seeds + texts - residual, over_seeds, texts)
        spread = texts**2 / (TEXTS - 1) + sum(
            each[0] ** 2 / (len(systems[k]) - 1) + each[2] ** 2 / (len(systems[k]) - 1) / (TEXTS - 1)
            for k, each in zip((first, second), sources, strict=True)
        )
        freedom = variance**2 / spread
        assert (estimate.mean, estimate.freedom) == pytest.approx((between.mean(), freedom))
        interval = stats.t.interval(0.95, freedom, loc=between.mean(), scale=math.sqrt(variance))
        assert (estimate.low, estimate.high) == pytest.approx(interval)


def test_difference_equals_welchs_test_if_texts_do_not_vary() -> None:
    """Each model is right about all texts or about none."""
    first, second = np.array([[1], [0]]).repeat(10, axis=1) == 1, np.array([[1], [0], [0]]).repeat(10, axis=1) == 1
    estimate, welch = difference(first, second), stats.ttest_ind([1, 0], [1, 0, 0], equal_var=False)
    assert (estimate.mean, estimate.p) == pytest.approx((1 / 6, welch.pvalue))
    interval = welch.confidence_interval()
    assert (estimate.freedom, estimate.low, estimate.high) == pytest.approx((welch.df, interval.low, interval.high))


def test_one_system_or_none_gives_no_pairs() -> None:
    assert pairwise_differences([]) == {}
    assert pairwise_differences([np.ones((2, 3), dtype=bool)]) == {}


@pytest.mark.parametrize("behind", [0, 1, 4])
def test_the_selected_best_is_called_the_best_no_more_often_than_claimed(behind: int) -> None:
    """Two systems are equally good; the others are far behind, or there are none."""
    random, called = np.random.default_rng(behind), 0
    for _ in range(400):
        easy = ease(random)
        systems = [system(random, easy, 5, skill, 0.1) for skill in (0.3, 0.3, *[-1.0] * behind)]
        best = max(range(len(systems)), key=lambda k: float(systems[k].mean()))
        leads = [difference(systems[best], other) for k, other in enumerate(systems) if k != best]
        called += selected_best_p(leads) < 0.05
    assert 0.01 < called / 400 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


def test_a_system_alone_is_not_the_best() -> None:
    assert selected_best_p([]) == 1.0
