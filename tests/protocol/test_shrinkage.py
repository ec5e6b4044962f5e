"""Shrunk means: the formula, what is not known yet, and what the shrinkage is for."""

import numpy as np
import pytest

from sweeper.protocol.shrinkage import shrink_means
from tests.support.shrunk_means import expected_shrunk_means


def test_means_stay_as_they_are_while_nothing_is_known_of_the_noise() -> None:
    assert shrink_means([[0.5], [0.7]]) == [0.5, 0.7]
    assert shrink_means([[0.5, 0.7]]) == [pytest.approx(0.6)]
    assert shrink_means([[0.5, 0.5], [0.7]]) == [0.5, 0.7]  # two seeds without a difference
    assert shrink_means([]) == []


@pytest.mark.parametrize(
    "scores",
    [
        [[0.80], [0.70, 0.74], [0.60], [0.50, 0.46], [0.40]],
        [[0.8, 0.7], [0.75], [0.6, 0.65, 0.5], [0.3], [0.4, 0.45]],
        [[-0.61, -0.64], [-0.7]],
        [[0.5, 0.9], [0.1]],
    ],
)
def test_each_mean_moves_to_the_center_by_the_share_of_its_noise(scores: list[list[float]]) -> None:
    assert shrink_means(scores) == pytest.approx(expected_shrunk_means(scores), abs=1e-9)


@pytest.mark.parametrize("seeds", [2, 3, 7])
def test_seeds_that_score_alike_say_nothing_of_the_noise(seeds: int) -> None:
    for a in range(31):
        for b in range(31):
            assert shrink_means([[a / 30] * seeds, [b / 30] * seeds]) == pytest.approx([a / 30, b / 30])


def test_a_setting_with_more_seeds_moves_less() -> None:
    lucky, steady, *_ = shrink_means([[0.80], [0.80, 0.78, 0.82], [0.60], [0.40, 0.43], [0.30]])
    assert lucky < steady < 0.80


def test_settings_that_differ_by_noise_alone_are_equal() -> None:
    assert len(set(shrink_means([[0.50, 0.60], [0.52, 0.61], [0.56]]))) == 1


def test_the_shrunk_score_of_the_best_setting_is_less_optimistic() -> None:
    random = np.random.default_rng(0)
    plain, shrunk = list[float](), list[float]()
    for _ in range(200):
        true = random.normal(0.5, 0.02, size=12)
        scores = [list(random.normal(value, 0.02, size=2 if k < 4 else 1)) for k, value in enumerate(true)]
        means, better = np.array([np.mean(seeds) for seeds in scores]), np.array(shrink_means(scores))
        plain.append(means.max() - true[means.argmax()])
        shrunk.append(better.max() - true[better.argmax()])
    assert abs(np.mean(shrunk)) < np.mean(plain) / 2
