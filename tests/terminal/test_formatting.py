"""The lines that say what a search space would run, and which system has no score."""

from typing import Any

import pytest

from sweeper.terminal.formatting import describe_spec, settings_lines, system_label
from sweeper.trials.outcome import Outcome
from tests.support.fake_sweeps import FakeSweep
from tests.support.search_spaces import small_spec

NINE = {"learning_rate": [1e-3, 3e-3, 1e-2], "batch_size": [8, 16, 32]}
COMPARE = {"encoder": ["gru"], "loss": ["ce"]}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"sampler": "grid", "search": NINE, "budget": {"trials": 3}}, "epochs, 3 of 9 settings,"),
        ({"sampler": "random", "search": NINE, "budget": {"trials": 3}}, "3 trials of up to 4 epochs, of 9 settings,"),
        ({"sampler": "grid", "search": NINE, "budget": {"trials": 30}}, "9 trials of up to 4 epochs, ASHA"),
        ({"search": {"tau": {"log": [1, 2]}}, "budget": {"trials": 3}}, "3 trials of up to 4 epochs, ASHA"),
    ],
)
def test_a_budget_smaller_than_the_space_is_said(keys: dict[str, Any], says: str) -> None:
    assert says in describe_spec(small_spec(compare=COMPARE, **keys))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"budget": {"epochs": 40, "hours": 1.5}}, "ASHA after epoch 1, 2, at most 40 epochs, 1.5 hours"),
        ({"budget": {"cost": {"usd": 50, "per_gpu_hour": 2.5}}, "resources": {"gpu": 1}}, "at most 50 USD"),
        ({"objective": {"maximize": "validation/accuracy", "stop_at": 0.6}}, "until validation/accuracy is 0.6"),
        ({"budget": {"patience": 8}}, "patience of 8 trials"),
    ],
)
def test_every_limit_of_the_budget_is_said(keys: dict[str, Any], says: str) -> None:
    assert says in describe_spec(small_spec(**keys))


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


def test_a_system_without_a_success_is_said_with_its_outcomes_and_a_reason() -> None:
    spec = small_spec(confirm={"seeds": 2})
    failed = FakeSweep(spec)
    failed.search([Outcome.FAILED])
    assert settings_lines(spec, failed.results())[1] == "lcl: no trial reached a validation: 3 failed (why it is so)"
    unconfirmed = FakeSweep(spec).search([Outcome.COMPLETED]).confirm(Outcome.OUT_OF_MEMORY)
    assert settings_lines(spec, unconfirmed.results())[1::2] == [
        f"{loss}: no fresh seed completed: 2 out of memory (why it is so)" for loss in ("ce", "lcl")
    ]
    collapsed = FakeSweep(spec).search([Outcome.COLLAPSED, Outcome.DIVERGED])
    assert (
        "no trial of this system completed: 2 collapsed, 1 diverged (why it is so); this one came furthest"
        in (settings_lines(spec, collapsed.results())[0])
    )


def test_a_system_whose_trials_are_only_interrupted_has_no_ended_trial() -> None:
    spec = small_spec()
    assert settings_lines(spec, FakeSweep(spec).search([None]).results())[1] == "lcl: no trial has ended yet"
