"""The rule of `budget.patience`: no system's best rose by more than the seed noise in its last trials."""

from collections.abc import Sequence

import pytest

from sweeper.protocol.patience import EndedTrial, SeedNoise, count_until_exhaustion, find_exhaustion


def trials(*values: float | None, system: int = 0) -> list[EndedTrial]:
    """Return trials of one system with different settings."""
    return [EndedTrial(system, k, value) for k, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "patience", "noise", "is_over"),
    [
        ([0.5, 0.4, 0.4], 2, 0.0, True),
        ([0.5, 0.4, 0.4], 3, 0.0, False),  # no best from before the last three
        ([0.5, 0.4, 0.6], 2, 0.0, False),
        ([0.5, 0.4, 0.6], 2, 0.1, True),
        ([0.5, 0.55, 0.6], 2, 0.06, False),  # two small rises are one large rise
        ([None, None, None, 0.5, 0.4], 2, 0.0, False),  # its first best has just come
        ([0.5, None, None], 2, 0.0, True),  # trials that do not complete gain nothing
        ([], 1, 0.0, False),
    ],
)
def test_a_system_runs_out_of_patience_when_its_best_has_not_risen(
    values: Sequence[float | None], patience: int, noise: float, is_over: bool
) -> None:
    assert (find_exhaustion(trials(*values), 1, patience, noise) is not None) == is_over


def test_every_system_must_have_run_out_of_patience() -> None:
    still, rising = trials(0.5, 0.4, 0.4), trials(0.1, 0.2, 0.3, system=1)
    assert find_exhaustion([*still, *rising], 2, 2, 0.0) is None
    assert find_exhaustion([*still, *rising, *trials(0.3, 0.2, system=1)], 2, 2, 0.0) is not None
    assert find_exhaustion(still, 2, 2, 0.0) is None  # the other system has no trial


def test_later_trials_do_not_change_that_the_search_was_over() -> None:
    assert find_exhaustion([*trials(0.5, 0.4, 0.4), *trials(0.9)], 1, 2, 0.0) is not None


def test_the_noise_is_estimated_from_settings_that_ran_twice() -> None:
    twice = [EndedTrial(0, "a", 0.50), EndedTrial(0, "a", 0.54), EndedTrial(0, "b", 0.55)]
    assert find_exhaustion(twice, 1, 2) is None  # rose by 0.05, and the noise is 0.028
    assert find_exhaustion([*twice, EndedTrial(0, "c", 0.56)], 1, 2) == pytest.approx(0.02 * 2**0.5)
    assert find_exhaustion(trials(0.5, 0.4, 0.5000001), 1, 2) is None  # nothing ran twice: any rise counts


def test_the_noise_is_pooled_over_settings() -> None:
    noise = SeedNoise()
    assert noise.deviation == 0
    for setting, value in [("a", 1.0), ("a", 3.0), ("b", 10.0), ("b", 10.0), ("b", 13.0), ("c", 99.0)]:
        noise.add(setting, value)
    assert noise.deviation == pytest.approx(((2 + 6) / 3) ** 0.5)


def test_the_trials_until_all_systems_are_out_of_patience_are_counted() -> None:
    still, rising = trials(0.5, 0.4, 0.4, 0.4), trials(0.1, 0.2, 0.3, 0.3, 0.3, 0.3, system=1)
    in_turns = [trial for pair in zip(still, rising, strict=False) for trial in pair]
    assert count_until_exhaustion(still, 1, 2, 0.0) == (3, 0.0)
    assert count_until_exhaustion([*in_turns, *rising[4:]], 2, 2, 0.0) == (9, 0.0)
    assert count_until_exhaustion(in_turns, 2, 2, 0.0) is None
