"""Pooling: from the vectors of a text's tokens to its features."""

import pytest
import torch
from torch import Tensor

from sweeper.training.pooling import pool

# Two texts of four and three tokens (the last column of the second is padding), vectors of two numbers.
HIDDEN = torch.tensor([[[1.0, 2], [3, 4], [5, 6], [7, 8]], [[1, 1], [2, 2], [3, 3], [9, 9]]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


def features_of(
    name: str, *, recurrent: bool = False, hidden: Tensor = HIDDEN, mask: Tensor = MASK
) -> list[list[float]]:
    features: list[list[float]] = pool(hidden, mask, name, recurrent=recurrent, max_length=5).tolist()
    return features


@pytest.mark.parametrize(
    ("name", "recurrent", "expected"),
    [
        ("cls", False, [[1, 2], [1, 1]]),
        ("cls", True, [[7, 8], [3, 3]]),  # the state after the last word
        ("mean", False, [[4, 5], [2, 2]]),  # without the first and the last token
        ("mean", True, [[4, 5], [2, 2]]),  # over all words: (1 + 3 + 5 + 7) / 4 and (1 + 2 + 3) / 3
        ("flatten", False, [[1, 2, 3, 4, 5, 6, 7, 8, 0, 0], [1, 1, 2, 2, 3, 3, 0, 0, 0, 0]]),
    ],
)
def test_features_are_the_first_token_the_mean_or_all_tokens(
    name: str, recurrent: bool, expected: list[list[int]]
) -> None:
    assert features_of(name, recurrent=recurrent) == expected


def test_the_mean_of_a_text_of_only_cls_and_sep_is_theirs() -> None:
    assert features_of("mean", mask=torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0]])) == [[2, 3], [1, 1]]


@pytest.mark.parametrize("name", ["cls", "mean", "flatten"])
@pytest.mark.parametrize("recurrent", [True, False])
def test_padding_does_not_change_the_features(name: str, recurrent: bool) -> None:
    longer, mask = (
        torch.cat([HIDDEN, torch.full((2, 1, 2), 99.0)], dim=1),
        torch.cat([MASK, torch.zeros(2, 1).long()], 1),
    )
    assert features_of(name, recurrent=recurrent, hidden=longer, mask=mask) == features_of(name, recurrent=recurrent)
