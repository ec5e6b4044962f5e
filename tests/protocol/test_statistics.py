"""Intervals that hold as often as they say, and tests that are wrong no more often than they say."""

import math

import numpy as np
import pytest
from scipy import stats

from sweeper.protocol.statistics import Correct, Estimate, accuracy, holm_correction, pairwise_differences

TEXTS = 500


def system(random: np.random.Generator, easy: np.ndarray, seeds: int, skill: float, spread: float) -> Correct:
    """What a system's models get right: `easy` says how easy each text is, `spread` how far seeds lie apart."""
    shift = skill + spread * random.standard_normal((seeds, 1))
    chance = 1 / (1 + np.exp(-(easy + shift)))
    return random.random((seeds, len(easy))) < chance


def difference(ours: Correct, theirs: Correct) -> Estimate:
    return pairwise_differences([ours, theirs])[0, 1]


def ease(random: np.random.Generator) -> np.ndarray:
    return 2 * random.standard_normal(TEXTS)


def test_with_one_source_alone_it_is_students_t() -> None:
    """Every model is right about its own number of texts, and the texts are all alike but for those: by hand."""
    hits = np.zeros((3, 4), dtype=bool)
    hits[0, :1] = hits[1, :2] = hits[2, :3] = True
    found = accuracy(hits)
    seeds, texts = np.var([0.25, 0.5, 0.75], ddof=1) / 3, np.var([1, 2 / 3, 1 / 3, 0], ddof=1) / 4
    assert found.mean == 0.5
    assert found.error == pytest.approx(math.sqrt(seeds + texts))
    assert found.freedom == pytest.approx((seeds + texts) ** 2 / (seeds**2 / 2 + texts**2 / 3))
    assert found.high - found.mean == pytest.approx(found.error * stats.t.ppf(0.975, found.freedom))


def test_texts_are_paired_and_seeds_are_not() -> None:
    random = np.random.default_rng(0)
    easy = ease(random)
    ours, theirs = (system(random, easy, 5, 0.0, 0.0) for _ in range(2))
    paired = difference(ours, theirs)
    shuffled = difference(ours, theirs[:, random.permutation(TEXTS)])
    assert paired.mean == pytest.approx(shuffled.mean)
    assert paired.error < 0.8 * shuffled.error
    assert difference(theirs, ours).mean == -paired.mean
    assert difference(theirs, ours).p == pytest.approx(paired.p)


@pytest.mark.parametrize("seeds", [3, 5])
def test_two_equal_systems_are_called_different_no_more_often_than_said(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    found = []
    for _ in range(400):
        easy = ease(random)
        found.append(difference(system(random, easy, seeds, 0.3, 0.1), system(random, easy, seeds, 0.3, 0.1)).p < 0.05)
    assert np.mean(found) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


def test_a_true_lead_is_found_where_it_is_large() -> None:
    random = np.random.default_rng(1)
    easy = ease(random)
    found = difference(system(random, easy, 5, 1.0, 0.05), system(random, easy, 5, 0.0, 0.05))
    assert found.low > 0.05
    assert found.p < 0.001


def test_an_interval_has_the_accuracy_of_all_texts_and_seeds_in_it_as_often_as_said() -> None:
    random, truth, held = np.random.default_rng(2), 0.5, 0  # as many texts are hard as easy
    for _ in range(400):
        found = accuracy(system(random, ease(random), 5, 0.0, 0.1))
        held += found.low <= truth <= found.high
    assert held / 400 >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / 400)


def test_models_that_are_all_alike_leave_no_doubt() -> None:
    same = np.ones((2, 3), dtype=bool)
    assert (accuracy(same).low, accuracy(same).high) == (1.0, 1.0)
    assert difference(same, same).p == 1.0
    assert difference(same, ~same).p == 0.0


def test_other_texts_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="got 3 and 4"):
        difference(np.ones((2, 3), dtype=bool), np.ones((2, 4), dtype=bool))


def test_holms_correction_by_hand() -> None:
    # in order .01 x 4, .02 x 3, .03 x 2, .2 x 1; the third may not be below the second
    assert holm_correction([0.02, 0.2, 0.01, 0.03]) == pytest.approx([0.06, 0.2, 0.04, 0.06])
    assert holm_correction([0.6, 0.9]) == [1.0, 1.0]
    assert holm_correction([]) == []


def test_all_pairs_at_once_are_the_pairs_one_by_one_as_scipy_would_have_it() -> None:
    random = np.random.default_rng(3)
    easy = ease(random)
    systems = [system(random, easy, seeds, 0.1 * seeds, 0.2) for seeds in (2, 3, 5, 4)]
    found = pairwise_differences(systems)
    assert list(found) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    for (ours, theirs), estimate in found.items():
        assert estimate == difference(systems[ours], systems[theirs])
        seeds = [systems[k].mean(axis=1) for k in (ours, theirs)]
        between = systems[ours].mean(axis=0) - systems[theirs].mean(axis=0)
        parts = [(stats.sem(each) ** 2, len(each) - 1) for each in (*seeds, between)]
        freedom = sum(part for part, _ in parts) ** 2 / sum(part**2 / degrees for part, degrees in parts)
        assert (estimate.mean, estimate.freedom) == pytest.approx((between.mean(), freedom))
        interval = stats.t.interval(0.95, freedom, loc=between.mean(), scale=math.sqrt(sum(part for part, _ in parts)))
        assert (estimate.low, estimate.high) == pytest.approx(interval)


def test_where_the_texts_leave_no_doubt_the_lead_is_welchs_test() -> None:
    """Each text is one model's of ours, and one model's of theirs: so all texts have the same lead."""
    ours = np.arange(10) < np.array([[6], [10]])
    ours[1] &= ~ours[0]
    theirs = np.array([5, 3, 2]).repeat([5, 3, 2]) == np.array([[5], [3], [2]])
    found, welch = difference(ours, theirs), stats.ttest_ind([0.6, 0.4], [0.5, 0.3, 0.2], equal_var=False)
    assert (found.mean, found.p) == pytest.approx((1 / 6, welch.pvalue))
    interval = welch.confidence_interval()
    assert (found.freedom, found.low, found.high) == pytest.approx((welch.df, interval.low, interval.high))


def test_no_pairs_of_one_system_or_of_none() -> None:
    assert pairwise_differences([]) == {}
    assert pairwise_differences([np.ones((2, 3), dtype=bool)]) == {}
