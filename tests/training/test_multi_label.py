"""Trainings whose texts have any number of labels: the loss, the thresholds, and the scores on test."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from sweeper.training.cross_entropy import of_classes, of_label_sets
from sweeper.training.evaluation import evaluate
from sweeper.training.final_scoring import score_best_model
from sweeper.training.model import Classifier
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.thresholds import tune_thresholds
from sweeper.training.trainer import train, train_events
from sweeper.training.types import TrainingData, ValidationReport
from tests.support import tiny_training

OBJECTIVE = ObjectiveMetric(maximize="validation/macro_f1")


@pytest.fixture
def data() -> TrainingData:
    """Texts with the label of their class, and every third also with the next one, and every seventh with none."""
    single = tiny_training.data(rows=64)
    splits = {}
    for name, split in single.splits.items():
        labels = np.eye(3, dtype=np.int64)[split.labels]
        labels[::3] |= np.roll(labels[::3], 1, axis=1)
        labels[::7] = 0
        splits[name] = replace(split, labels=labels)
    return replace(single, splits=splits, task="multi_label")


def test_the_cross_entropy_of_label_sets_is_the_mean_over_texts_and_labels() -> None:
    logits, labels = torch.tensor([[2.0, -1.0], [0.5, 30.0]]), torch.tensor([[1, 0], [0, 1]])
    p = torch.sigmoid(logits.double())
    expected = -torch.where(labels == 1, p.log(), (1 - p).log())
    assert of_label_sets(logits, labels).item() == pytest.approx(expected.mean().item(), rel=1e-5)
    assert of_label_sets(logits, labels, reduction="sum").item() == pytest.approx(
        expected.mean(1).sum().item(), rel=1e-5
    )


def test_the_cross_entropy_of_classes_is_that_of_torch() -> None:
    logits, labels, weight = torch.randn(4, 3), torch.tensor([0, 2, 1, 1]), torch.tensor([1.0, 2.0, 0.5])
    expected = torch.nn.functional.cross_entropy(logits, labels, weight=weight, label_smoothing=0.1)
    torch.testing.assert_close(of_classes(logits, labels, weight=weight, label_smoothing=0.1), expected)


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"loss": "ce"},
        {"loss": "scl", "views": 2, "memory": 20},
        {"loss": "scl", "accumulate": 2, "gradient_cache": True},
        {"loss": "scl_two_phase", "contrastive_epochs": 1},
    ],
    ids=str,
)
def test_a_training_learns_label_sets_and_repeats_itself(data: TrainingData, hyperparameters: dict[str, Any]) -> None:
    config = tiny_training.config(epochs=6, **hyperparameters)
    first, again = (tiny_training.without_timing(train(config, data)) for _ in range(2))
    assert first == again
    metrics = first[-1][2]
    assert metrics["validation/macro_f1"] > 0.6
    assert "validation/accuracy" not in metrics
    assert {"validation/loss", "validation/micro_f1", "validation/macro_f1_plain"} <= metrics.keys()


def test_an_anchor_without_a_shared_label_has_no_positive(data: TrainingData) -> None:
    train_split = data.splits["train"]
    unlabelled = replace(train_split, labels=np.zeros_like(train_split.labels))
    alone = replace(data, splits={**data.splits, "train": unlabelled})
    (report,) = list(train(tiny_training.config(loss="scl", epochs=1), alone))
    assert report.metrics["anchors/without_positive"] == 1
    assert report.metrics["train/contrastive"] == 0


def test_test_is_scored_with_the_thresholds_of_validation(tmp_path: Path, data: TrainingData) -> None:
    config, path = tiny_training.config(epochs=4), tmp_path / "checkpoint-1.pt"
    list(train_events(config, data, path, OBJECTIVE))
    (scored,) = [e for e in score_best_model(config, data, path, OBJECTIVE) if isinstance(e, ValidationReport)]
    assert scored.model_scores is not None
    validation, test = (scored.model_scores.splits[split] for split in ("validation", "test"))
    thresholds = tune_thresholds(validation.labels, validation.probabilities)
    np.testing.assert_array_equal(validation.thresholds, thresholds)
    np.testing.assert_array_equal(test.thresholds, thresholds)
    predicted = (test.probabilities >= thresholds).astype(int)
    assert scored.metrics["test/macro_f1"] == f1_score(test.labels, predicted, average="macro", zero_division=0)
    plain = (test.probabilities >= 0.5).astype(int)
    assert scored.metrics["test/micro_f1_plain"] == f1_score(test.labels, plain, average="micro", zero_division=0)


def test_thresholds_are_never_tuned_on_test(data: TrainingData) -> None:
    config = tiny_training.config()
    with pytest.raises(AssertionError, match="not tuned on test"):
        evaluate(Classifier(config, data), data, "test", config)
