"""Batches with several texts of each class: every text once, the usual sizes, and no class with too few texts."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sweeper.training import batching
from sweeper.training.class_batches import deal_by_class
from sweeper.training.trainer import train
from tests.support import tiny_training

Labels = NDArray[np.int64]


def equal(texts: int, classes: int) -> Labels:
    return np.arange(texts, dtype=np.int64) % classes


def zipf(texts: int, classes: int) -> Labels:
    """Class k is as frequent as 1/k; the rarest have a single text or none."""
    shares = 1 / np.arange(1, classes + 1)
    return np.random.default_rng(0).choice(classes, size=texts, p=shares / shares.sum())


def epoch(labels: Labels, size: int, each: int, *, number: int = 0) -> list[Labels]:
    lengths = np.random.default_rng(1).geometric(0.1, len(labels)).clip(3, 40)
    texts = [[tiny_training.CLS] * int(length) for length in lengths]
    split = tiny_training.split(texts, labels.tolist())
    return batching.bucketed_batches(split, size, 40, seed=0, epoch=number, texts_per_class=each)


def incomplete(labels: Labels, batches: list[Labels], each: int) -> int:
    """The number of texts whose class has fewer texts than `each` in their batch, and more in the split."""
    total = np.bincount(labels)
    count = 0
    for rows in batches:
        in_batch = np.bincount(labels[rows], minlength=len(total))
        count += int(sum(in_batch[label] < min(each, total[label]) for label in labels[rows]))
    return count


@pytest.mark.parametrize(
    ("labels", "size", "each"),
    [
        (equal(2000, 32), 32, 2),
        (equal(2000, 32), 16, 4),
        (equal(1001, 5), 8, 3),
        (equal(640, 2), 8, 4),
        (zipf(3001, 27), 32, 2),
        (zipf(3001, 27), 32, 8),
        (zipf(500, 150), 32, 2),
        (equal(7, 7), 4, 2),
        (equal(3, 2), 32, 2),
    ],
    ids=lambda value: f"{len(value)}-{len(np.unique(value))}" if isinstance(value, np.ndarray) else str(value),
)
def test_every_text_comes_once_and_classes_are_together(labels: Labels, size: int, each: int) -> None:
    for number in range(3):
        batches = epoch(labels, size, each, number=number)
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(labels)))
        assert len(batches) == math.ceil(len(labels) / size)
        assert max(map(len, batches)) <= size
        assert incomplete(labels, batches, each) <= len(labels) // 125  # the last texts of an epoch may not fit


@pytest.mark.parametrize(("texts", "size", "each"), [(1500, 7, 3), (3000, 8, 3), (3000, 5, 2)])
def test_classes_are_apart_only_at_the_end_of_an_epoch(texts: int, size: int, each: int) -> None:
    random = np.random.default_rng(0)
    labels, lengths = random.integers(0, 32, texts), random.integers(1, 40, texts)
    batches = deal_by_class(labels, lengths, size, each, 50 * size, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(texts))
    assert incomplete(labels, batches[:-25], each) == 0


def test_random_batches_leave_most_anchors_of_many_classes_alone() -> None:
    labels = equal(2000, 32)
    assert incomplete(labels, epoch(labels, 16, 1), 2) / len(labels) == pytest.approx(0.62, abs=0.03)


def test_epochs_differ_and_repeat() -> None:
    labels = equal(400, 8)
    first, again, next_epoch = (
        {frozenset(rows.tolist()) for rows in epoch(labels, 16, 2, number=number)} for number in (0, 0, 1)
    )
    assert first == again
    assert not first & next_epoch


def test_every_anchor_of_a_training_has_a_positive() -> None:
    data = tiny_training.data(rows=60, classes=10)
    config = tiny_training.config(loss="scl", texts_per_class=2, batch_size=8)
    reports = list(train(config, data))
    shares = [report.metrics["anchors/without_positive"] for report in reports if hasattr(report, "metrics")]
    assert max(shares) <= 1 / 60
    random = list(train(config.model_copy(update={"texts_per_class": 1}), data))
    assert max(report.metrics["anchors/without_positive"] for report in random if hasattr(report, "metrics")) > 0.4
