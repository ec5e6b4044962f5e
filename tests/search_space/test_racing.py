"""The key `racing`: its rounds and shares, what it changes of a sweep's identity, and mistakes in it."""

from typing import Any

import pytest

from sweeper.errors import SearchSpaceError
from sweeper.terminal.formatting import describe_spec
from tests.support.search_spaces import small_spec


@pytest.mark.parametrize(
    ("racing", "rounds", "trials"),
    [
        ({}, (4, 2), 6),
        (4, (4, 2), 6),
        ({"settings": 2}, (2,), 2),
        ({"settings": 5, "seeds": 2}, (5, 3, 2), 20),
        ({"settings": 8}, (8, 4, 2), 14),
    ],
)
def test_each_round_keeps_half_of_the_settings(racing: Any, rounds: tuple[int, ...], trials: int) -> None:
    spec = small_spec(racing=racing, budget={"trials": 100})
    assert spec.race is not None
    assert (spec.race.rounds, spec.race_trials) == (rounds, trials)


def test_without_racing_a_sweep_is_the_one_that_it_was() -> None:
    assert small_spec(racing="off").identity == small_spec().identity
    assert "racing" not in small_spec(racing="off").identity
    larger = {"budget": {"trials": 20}}
    assert small_spec(racing=2, **larger).identity == small_spec(racing={"settings": 2}, **larger).identity
    assert small_spec(racing=2, **larger).identity != small_spec(racing=3, **larger).identity


def test_a_race_is_part_of_the_equal_shares() -> None:
    spec = small_spec(racing=4, budget={"trials": 21})
    assert [spec.trial_budget(system) for system in (0, 1)] == [11, 10]
    assert "the last 6 trials of each system race its 4 best settings" in describe_spec(spec)


def test_a_grid_has_its_race_after_its_settings() -> None:
    grid = {"sampler": "grid", "search": {"batch_size": [4, 8, 16], "epochs": [2, 3]}, "training": {}}
    assert small_spec(racing=4, budget={"trials": 40}, **grid).trial_budget(0) == 6 + 6
    with pytest.raises(SearchSpaceError, match=r"racing.settings: a system has only 6 of the grid's settings, got 7"):
        small_spec(racing=7, budget={"trials": 80}, **grid)


@pytest.mark.parametrize(
    ("racing", "message"),
    [
        (1, "racing.settings: must be at least 2, got 1"),
        (2.5, "racing.settings: must be a whole number, got 2.5"),
        ({"settings": 4, "seeds": 0}, "racing.seeds: must be at least 1, got 0"),
        ({"seed": 2}, "racing.seed: unknown key, allowed: settings, seeds; did you mean seeds?"),
        ("on", "racing: must be off, a number of settings, or a mapping such as {settings: 4, seeds: 1}, got on"),
        (True, "racing: must be"),
        ([4, 2], "racing: must be"),
        ({"settings": 3}, "racing: needs 8 trials of each system, 3 before the race and 5 in it: at least 16 budget"),
    ],
)
def test_mistakes_are_named(racing: Any, message: str) -> None:
    with pytest.raises(SearchSpaceError) as caught:
        small_spec(racing=racing)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
