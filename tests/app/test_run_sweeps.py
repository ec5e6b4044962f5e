"""A sweep is finished when its budget is spent and everything that is to be confirmed has been."""

import pytest

from sweeper.app.run_sweeps import is_confirmed
from sweeper.protocol.sweep_results import ConfirmationResult, SearchBest, SystemResult
from tests.support.search_spaces import small_spec

CONFIRMED = ConfirmationResult(
    source_trial=1, params={}, planned_seeds=3, top=1, epochs=1.0, hours=1.0, search_mean=0.5, mean=0.5, sd=0.1,
    optimism=0.0, tested_settings=1, seeds=[],
)  # fmt: skip


def search_best(*, completed: bool) -> SearchBest:
    return SearchBest(trial=1, completed=completed, params={}, mean=0.5)


@pytest.mark.parametrize(
    ("confirm", "best", "confirmation", "expected"),
    [
        ({"seeds": 0}, search_best(completed=True), None, True),
        ({"seeds": 3}, search_best(completed=True), None, False),  # it ran without confirmation, and now asks for one
        ({"seeds": 3}, search_best(completed=True), CONFIRMED, True),
        ({"seeds": 5}, search_best(completed=True), CONFIRMED, False),
        ({"seeds": 2}, search_best(completed=True), CONFIRMED, True),
        ({"seeds": 3, "top": 2}, search_best(completed=True), CONFIRMED, False),
        ({"seeds": 3}, search_best(completed=False), None, True),  # nothing completed: there is nothing to confirm
        ({"seeds": 3}, None, None, True),
    ],
)
def test_more_seeds_or_settings_to_confirm_continue_a_finished_search(
    confirm: dict[str, int], best: SearchBest | None, confirmation: ConfirmationResult | None, expected: bool
) -> None:
    system = SystemResult(
        system={}, num_trials=1, outcomes={}, epochs=1.0, hours=1.0, best=best, confirmation=confirmation
    )
    assert is_confirmed(small_spec(confirm=confirm), system) == expected
