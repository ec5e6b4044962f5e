"""Finished sweeps for tests, made from the test accuracies of each system's fresh seeds."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.sweep_results import SweepResults, TestSplitInfo
from sweeper.protocol.system_results import CandidateResult, ConfirmationResult, SearchBest, SeedResult, SystemResult
from sweeper.protocol.text_scores import any_metric_of
from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestAccess

TEXTS = 200
_RECORDED = ("macro_f1", "weighted_f1", "loss")
LABELS = ["bad", "good", "so so"]
PARAMS: Mapping[str, Scalar] = {"batch_size": 32, "learning_rate": 3e-05}
Scores = Sequence[float | str | None]  # by seed: a test accuracy, an outcome without a score, or None for completed


def sweep(
    systems: Mapping[str, Scores | None],
    name: str = "sst5-0000000a",
    *,
    dataset: str = "sst5",
    at: int = 1_763_700_000_000,
    digest: str = "",
    rows: str = "",
    texts: int = TEXTS,
    **changes: Any,
) -> FinishedSweep:
    """Return a finished sweep.

    `systems` are named by their loss, or by "encoder loss", and have the scores of their fresh seeds; None if the
    system was not confirmed. `at` is about the time of the test accesses. `digest` is that of the test split, `rows`
    that of all splits; by default they follow from the data set. `changes` replace fields of the results.
    """
    results = [_system(label, scores, 100 + 10 * k, texts) for k, (label, scores) in enumerate(systems.items())]
    confirmations = [result.confirmation for result in results if result.confirmation]
    scored = [seed for confirmation in confirmations for seed in confirmation.seeds if seed.test is not None]
    fields = {
        "sweep": name,
        "dataset": dataset,
        "source": "catalog",
        "objective": "validation/accuracy",
        "num_trials": 16 * len(systems),
        "subsample": {},
        "resolved": {
            "dataset": "0" * 40,
            "rows": rows or hashlib.sha256(f"{dataset} {digest}".encode()).hexdigest()[:16],
            "owner/mini": "2" * 40,
        },
        "labels": LABELS,
        "threads": 2,
        "gpu": 0.0,
        "test_split": TestSplitInfo(texts=texts, digest=digest or f"digest-of-{dataset}"),
        "test_accesses": [TestAccess(at + seed.trial, seed.trial, seed.seed) for seed in scored],
        "systems": results,
    }
    predictions = {
        seed.trial: predictions_with(seed.test["test/accuracy"], texts, seed.trial) for seed in scored if seed.test
    }
    validation = {trial: predictions_with(0.5, texts, trial) for trial in predictions}
    return FinishedSweep(SweepResults.parse({**fields, **changes}), predictions, validation=validation)


def _system(label: str, scores: Scores | None, first_trial: int, texts: int) -> SystemResult:
    """Return a system that was searched with 16 trials, of which trial 12 was the best."""
    *encoder, loss = label.split()
    return SystemResult(
        system={"encoder": encoder[0] if encoder else "owner/mini", "loss": loss},
        num_trials=16,
        outcomes={Outcome.COMPLETED: 5, Outcome.STOPPED_EARLY: 10, Outcome.DIVERGED: 1},
        repeated=2,
        epochs=61.0,
        hours=1.25,
        best=SearchBest(
            trial=12,
            completed=True,
            params=dict(PARAMS),
            score=0.53,
            mean=0.53,
            epoch=4.0,
            metrics={"validation/accuracy": 0.53},
        ),
        confirmation=None if scores is None else _confirmation(scores, first_trial, texts),
    )


def _confirmation(scores: Scores, first_trial: int, texts: int) -> ConfirmationResult:
    return ConfirmationResult(
        source_trial=12,
        params=dict(PARAMS),
        planned_seeds=len(scores),
        epochs=50.0,
        hours=1.0,
        search_mean=0.53,
        mean=0.52,
        sd=0.006,
        optimism=0.01,
        tested_settings=1,
        candidates=[CandidateResult(source_trial=12, mean=0.52, sd=0.006, seeds=len(scores))],
        seeds=[_seed(score, first_trial + k, texts) for k, score in enumerate(scores)],
    )


def _seed(score: float | str | None, trial: int, texts: int) -> SeedResult:
    test = None
    if isinstance(score, float):
        model = predictions_with(score, texts, trial)
        others = {f"test/{name}": any_metric_of(model, name, LABELS) for name in _RECORDED}
        test = {"test/accuracy": score, **others}
    return SeedResult(
        trial=trial,
        seed=1_000_000 + trial,
        outcome=Outcome(score) if isinstance(score, str) else Outcome.COMPLETED,
        epoch=4.0,
        metrics={"validation/accuracy": 0.52},
        test=test,
    )


def predictions_with(accuracy: float, texts: int, seed: int) -> TestPredictions:
    """Return predictions with this accuracy: the first texts are easy for every model, the last ones are hard."""
    random = np.random.default_rng(seed)
    ease = np.linspace(1, 0, texts) + 0.1 * random.standard_normal(texts)
    correct = np.zeros(texts, dtype=bool)
    correct[np.argsort(-ease)[: round(accuracy * texts)]] = True
    labels = np.arange(texts) % len(LABELS)
    predicted = np.where(correct, labels, (labels + 1) % len(LABELS))
    probabilities = random.uniform(0, 0.4, (texts, len(LABELS)))
    probabilities[np.arange(texts), predicted] += 0.5
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return TestPredictions(labels, predicted, probabilities.astype(np.float32))
