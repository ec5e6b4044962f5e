"""The shares of texts in a metric have it as their mean, and vary as it does with other texts."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from sweeper.protocol.finished_sweep import TestPredictions
from sweeper.protocol.text_scores import any_metric_of, metric_of, text_scores

CLASSES = ("a", "b", "c")


def model(random: np.random.Generator, texts: int) -> TestPredictions:
    """Return predictions for three classes of unequal size, of which about two in three are correct."""
    labels = random.choice(3, texts, p=[0.7, 0.2, 0.1])
    return TestPredictions(labels, np.where(random.random(texts) < 0.6, labels, random.integers(0, 3, texts)))


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "weighted_f1", "f1/b", "precision/a", "recall/c"])
def test_each_text_has_the_centred_influence_of_leaving_it_out(metric: str) -> None:
    one = model(np.random.default_rng(0), 40)
    score = metric_of(one, metric, CLASSES)
    left_out = [
        metric_of(TestPredictions(np.delete(one.labels, n), np.delete(one.predictions, n)), metric, CLASSES)
        for n in range(40)
    ]
    influences = 39 * (score - np.array(left_out))
    (shares,) = text_scores([one], metric, CLASSES)
    assert shares == pytest.approx(score + influences - influences.mean())
    assert shares.mean() == pytest.approx(score)


def test_accuracy_is_shared_among_the_texts_that_are_right() -> None:
    one = model(np.random.default_rng(1), 40)
    assert text_scores([one, one], "accuracy", CLASSES).tolist() == [(one.labels == one.predictions).tolist()] * 2


def test_the_shares_vary_as_the_calibration_error_of_models_that_are_too_sure() -> None:
    random, models = np.random.default_rng(3), list[TestPredictions]()
    for _ in range(200):
        confidence = random.uniform(0.55, 1, 500)
        labels = (random.random(500) > confidence - 0.15).astype(np.int64)  # right where it is 0
        probabilities = np.stack([confidence, 1 - confidence], axis=1)
        models.append(TestPredictions(labels, np.zeros(500, dtype=np.int64), probabilities))
    scores = text_scores(models, "ece", ("a", "b"))
    assert scores.mean(axis=1) == pytest.approx([any_metric_of(each, "ece", ("a", "b")) for each in models])
    assert 0.8 < np.mean(scores.var(axis=1, ddof=1) / 500) / np.var(scores.mean(axis=1), ddof=1) < 1.25


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_the_shares_vary_as_the_metric_does_with_other_texts(average: str) -> None:
    random = np.random.default_rng(2)
    models = [model(random, 500) for _ in range(200)]
    scores = [f1_score(each.labels, each.predictions, average=average) for each in models]
    claimed = np.mean([text_scores([each], f"{average}_f1", CLASSES).var(ddof=1) / 500 for each in models])
    assert 0.8 < claimed / np.var(scores, ddof=1) < 1.25
    assert [metric_of(each, f"{average}_f1", CLASSES) for each in models] == pytest.approx(scores)
