"""The line that says what a search space would run."""

from typing import Any

import pytest

from sweeper.terminal.formatting import describe_spec, system_label
from tests.support.search_spaces import small_spec

NINE = {"learning_rate": [1e-3, 3e-3, 1e-2], "batch_size": [8, 16, 32]}
COMPARE = {"encoder": ["gru"], "loss": ["ce"]}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"sampler": "grid", "search": NINE, "budget": {"trials": 3}}, "epochs, 3 of the 9 settings,"),
        ({"sampler": "random", "search": NINE, "budget": {"trials": 3}}, "3 trials of up to 4 epochs, of 9 settings,"),
        ({"sampler": "grid", "search": NINE, "budget": {"trials": 30}}, "9 trials of up to 4 epochs, ASHA"),
        ({"search": {"tau": {"log": [1, 2]}}, "budget": {"trials": 3}}, "3 trials of up to 4 epochs, ASHA"),
    ],
)
def test_a_budget_smaller_than_the_space_is_said(keys: dict[str, Any], says: str) -> None:
    assert says in describe_spec(small_spec(compare=COMPARE, **keys))


@pytest.mark.parametrize(
    ("encoders", "labels"),
    [
        (["a/mini", "b/mini"], ["a/mini", "b/mini"]),
        (["a/mini", "b/base"], ["mini", "base"]),
    ],
)
def test_two_systems_never_have_the_same_label(encoders: list[str], labels: list[str]) -> None:
    spec = small_spec(compare={"encoder": encoders, "loss": ["ce"]})
    assert [system_label(spec, system) for system in range(2)] == labels
