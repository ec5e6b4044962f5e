"""Batches have every text once, similar lengths, correct padding and cuts, and repeat with their seed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sweeper.training import batching
from sweeper.training.types import TokenizedSplit
from tests.support import tiny_training

SIZE, LONGEST = 16, 60


@pytest.fixture(scope="module")
def split() -> TokenizedSplit:
    """1,003 texts, most of them short, some long. Each token encodes its text and its position."""
    lengths = np.random.default_rng(0).geometric(0.1, 1003).clip(3, LONGEST)
    texts = [
        [tiny_training.CLS, *range(1000 + 10 * i, 1000 + 10 * i + int(n) - 2), tiny_training.SEP]
        for i, n in enumerate(lengths)
    ]
    return tiny_training.split(texts, [i % 4 for i in range(len(texts))])


def epoch(split: TokenizedSplit, *, seed: int = 0, number: int = 0) -> list[list[int]]:
    return [rows.tolist() for rows in batching.bucketed_batches(split, SIZE, LONGEST, seed=seed, epoch=number)]


def padding_share(split: TokenizedSplit, order: list[list[int]]) -> float:
    """The share of the tokens in padded batches that are padding."""
    padded = sum(len(rows) * max(split.lengths[rows]) for rows in order)
    return float(1 - sum(split.lengths[rows].sum() for rows in order) / padded)


def test_an_epoch_has_every_text_once(split: TokenizedSplit) -> None:
    order = epoch(split)
    assert sorted(row for rows in order for row in rows) == list(range(len(split)))
    assert sorted(map(len, order)) == [len(split) % SIZE] + [SIZE] * (len(split) // SIZE)


def test_the_same_seed_and_epoch_give_the_same_batches(split: TokenizedSplit) -> None:
    assert epoch(split) == epoch(split)


@pytest.mark.parametrize(("seed", "number"), [(0, 1), (1, 0)])
def test_another_epoch_or_seed_gives_other_batches(split: TokenizedSplit, seed: int, number: int) -> None:
    first, other = (
        {frozenset(rows) for rows in order} for order in (epoch(split), epoch(split, seed=seed, number=number))
    )
    assert len(first & other) < len(first) / 10


def test_a_batch_has_texts_of_similar_length(split: TokenizedSplit) -> None:
    shuffled = np.random.default_rng(0).permutation(len(split)).tolist()
    random = [shuffled[k : k + SIZE] for k in range(0, len(shuffled), SIZE)]
    assert padding_share(split, random) > 0.5
    assert padding_share(split, epoch(split)) < 0.1


def test_the_order_of_batches_does_not_follow_their_lengths(split: TokenizedSplit) -> None:
    means = [split.lengths[rows].mean() for rows in epoch(split)]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.5


def test_a_split_smaller_than_a_batch_is_one_batch() -> None:
    assert [sorted(rows) for rows in epoch(tiny_training.split([[2, 3], [2, 9, 3]], [0, 1]))] == [[0, 1]]


def test_sorted_batches_have_every_text_once_with_the_longest_first(split: TokenizedSplit) -> None:
    order = [row for rows in batching.sorted_batches(split, 64) for row in rows.tolist()]
    assert sorted(order) == list(range(len(split)))
    assert (np.diff(split.lengths[order]) <= 0).all()


def test_collate_pads_and_masks() -> None:
    split = tiny_training.split([[2, 11, 3], [2, 12, 13, 14, 3], [2, 3]], [1, 0, 2])
    batch = batching.collate(split, np.array([2, 1, 0]), 8, 0)
    assert batch.ids.tolist() == [[2, 3, 0, 0, 0], [2, 12, 13, 14, 3], [2, 11, 3, 0, 0]]
    assert batch.mask.tolist() == [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert batch.labels.tolist() == [2, 0, 1]
    assert {part.dtype for part in (batch.ids, batch.mask, batch.labels)} == {torch.int64}


def test_collate_pads_with_the_encoders_padding_token() -> None:
    split = tiny_training.split([[2, 11, 3], [2, 3]], [0, 0])
    batch = batching.collate(split, np.array([0, 1]), 8, 7)
    assert batch.ids.tolist() == [[2, 11, 3], [2, 3, 7]]
    assert batch.mask.tolist() == [[1, 1, 1], [1, 1, 0]]


def test_collate_cuts_and_keeps_the_last_token() -> None:
    split = tiny_training.split([[2, 11, 12, 13, 14, 3], [2, 11, 12, 3], [2, 11, 3]], [0, 0, 0])
    batch = batching.collate(split, np.array([0, 1, 2]), 4, 0)
    assert batch.ids.tolist() == [[2, 11, 12, 3], [2, 11, 12, 3], [2, 11, 3, 0]]
    assert batch.mask.sum(dim=1).tolist() == [4, 4, 3]


def test_collate_does_not_change_the_split(split: TokenizedSplit) -> None:
    before = split.tokens.copy(), split.labels.copy()
    for rows in batching.sorted_batches(split, 100):
        batching.collate(split, rows, 5, 0).labels.zero_()
    assert np.array_equal(before[0], split.tokens)
    assert np.array_equal(before[1], split.labels)


def test_truncated_share_counts_lengths_before_the_cut() -> None:
    split = tiny_training.split([[2, 11, 3], [2, 11, 12, 3], [2, 11, 12, 3], [2, 3]], [0, 0, 0, 0])
    split = replace(split, lengths=np.array([3, 4, 90, 2], dtype=np.int32))  # the third was cut before
    assert [batching.truncated_share(split, most) for most in (2, 3, 4, 89, 90)] == [0.75, 0.5, 0.25, 0.25, 0.0]
