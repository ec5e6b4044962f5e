"""The answer that is within a third of as many draws as possible."""

from collections.abc import Sequence

import pytest

from sweeper.protocol.likely_answer import likely_answer


@pytest.mark.parametrize(
    ("draws", "answer"),
    [
        ([6.0], 6.0),
        ([0.0, 0.0], 0.0),
        ([6.0, 6.0, 11.7], 7.9),  # near to all of them
        ([6.0, 6.0, 13.0], 6.0),  # not near to 13, whatever is near to 6
        ([1.0, 10.0, 100.0, 101.0], (4 * 100 + 2 * 101) / 6),
        ([6.0, 9.0, 20.0, 21.0], (4 * 20 + 2 * 21) / 6),  # two of four either way: these are closer together
        ([0.0, 5.0, 5.0], 5.0),
    ],
)
def test_it_is_near_to_as_many_draws_as_possible(draws: Sequence[float], answer: float) -> None:
    assert likely_answer(draws) == pytest.approx(answer)
    assert likely_answer(draws[::-1]) == likely_answer(draws)


def test_no_other_answer_is_near_to_more_draws() -> None:
    draws = [k * k % 17 + 0.5 for k in range(17)]

    def count(answer: float) -> int:
        return sum(abs(answer - truth) <= truth / 3 for truth in draws)

    assert count(likely_answer(draws)) == max(count(k / 20) for k in range(400))
