"""When a sweep counts as finished: its budget is spent, and what is to be confirmed is."""

from typing import Any

import pytest

from sweeper.app.run_sweeps import _confirmed
from tests.support.search_spaces import small

DONE = {"planned": 3, "top": 1}


@pytest.mark.parametrize(
    ("confirm", "best", "found", "expected"),
    [
        ({"seeds": 0}, {"completed": True}, None, True),
        ({"seeds": 3}, {"completed": True}, None, False),  # it was run without, and is now to be confirmed
        ({"seeds": 3}, {"completed": True}, DONE, True),
        ({"seeds": 5}, {"completed": True}, DONE, False),
        ({"seeds": 2}, {"completed": True}, DONE, True),
        ({"seeds": 3, "top": 2}, {"completed": True}, DONE, False),
        ({"seeds": 3}, {"completed": False}, None, True),  # nothing completed: there is nothing to confirm
        ({"seeds": 3}, None, None, True),
    ],
)
def test_more_seeds_or_settings_to_confirm_go_on_from_a_finished_search(
    confirm: dict[str, int], best: dict[str, Any] | None, found: dict[str, int] | None, expected: bool
) -> None:
    assert _confirmed(small(confirm=confirm), {"best": best, "confirm": found}) == expected
