"""The line that announces a plan counts in the singular and in the plural."""

import pytest

from sweeper.app.announcement import announce_plan
from sweeper.terminal.output import PlainOutput
from tests.support.search_spaces import small_spec


@pytest.mark.parametrize(
    ("trials", "seeds", "expected"),
    [
        (1, 1, "  1 trial, at most 1 epoch, 1 epoch of confirmation; 2 at a time; "),
        (6, 3, "  6 trials, at most 6 epochs, 3 epochs of confirmation; 2 at a time; "),
    ],
)
def test_a_plan_counts_trials_and_epochs(
    trials: int, seeds: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = small_spec(
        compare={"encoder": ["m"], "loss": ["ce"]}, search={"batch_size": [4, 8]}, training={"epochs": 1}, asha="off",
        budget={"trials": trials}, confirm={"seeds": seeds},
    )  # fmt: skip
    announce_plan(PlainOutput(progress=True), spec, [], 2, 10_000_000)
    assert capsys.readouterr().out.startswith(expected)
