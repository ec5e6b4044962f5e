"""Finished sweeps for tests, as results.py would have them: by system the accuracies of the fresh seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.sweep_results import SweepResults

TEXTS = 200
LABELS = ["bad", "good", "so so"]
Scores = Sequence[float | str | None]  # by seed: an accuracy, or how the training ended


def sweep(
    systems: Mapping[str, Scores | None],
    name: str = "sst5-0000000a",
    *,
    dataset: str = "sst5",
    at: int = 1_763_700_000_000,
    digest: str = "digest-of-sst5",
    texts: int = TEXTS,
    **others: Any,
) -> FinishedSweep:
    """A finished sweep. `cells` are named by loss, or `encoder loss`; `others` replace what is in the results."""
    results: dict[str, Any] = {
        "sweep": name,
        "dataset": dataset,
        "objective": "validation/accuracy",
        "num_trials": 16 * len(systems),
        "subsample": {},
        "resolved": {"dataset": "0" * 40, "rows": "1" * 16, "owner/mini": "2" * 40},
        "labels": LABELS,
        "threads": 2,
        "gpu": 0.0,
        "test_split": {"texts": texts, "digest": digest},
        "test_accesses": [],
        "systems": [],
    }
    answers: dict[int, TestPredictions] = {}
    for system, scores in systems.items():
        *encoder, loss = system.split()
        own = {"encoder": encoder[0] if encoder else "owner/mini", "loss": loss}
        first = 100 + 10 * len(results["systems"])
        results["systems"].append({**_search(own), "confirmation": None if scores is None else _confirm(scores, first)})
        for seed in results["systems"][-1]["confirmation"]["seeds"] if scores is not None else ():
            if seed["test"] is not None:
                results["test_accesses"].append(
                    {"at": at + seed["trial"], "trial": seed["trial"], "seed": seed["seed"]}
                )
                answers[seed["trial"]] = answered(seed["test"]["test/accuracy"], texts, seed["trial"])
    return FinishedSweep(SweepResults.parse({**results, **others}), answers)


def _search(own: Mapping[str, str]) -> dict[str, Any]:
    return {
        "system": dict(own),
        "num_trials": 16,
        "outcomes": {"completed": 5, "stopped_early": 10, "diverged": 1},
        "repeated": 2,
        "epochs": 61.0,
        "hours": 1.25,
        "best": {
            **{"trial": 12, "completed": True, "params": {"batch_size": 32, "learning_rate": 3e-05}},
            **{"score": 0.53, "mean": 0.53, "repeats": 1, "epoch": 4.0},
            "metrics": {"validation/accuracy": 0.53},
        },
    }


def _confirm(scores: Scores, first: int) -> dict[str, Any]:
    return {
        **{"source_trial": 12, "params": {"batch_size": 32, "learning_rate": 3e-05}, "planned_seeds": len(scores)},
        **{"epochs": 50.0, "hours": 1.0, "search_mean": 0.53, "mean": 0.52, "sd": 0.006, "optimism": 0.01},
        **{"tested_settings": 1, "candidates": [{"source_trial": 12, "mean": 0.52, "sd": 0.006, "seeds": len(scores)}]},
        "seeds": [_seed(score, first + k) for k, score in enumerate(scores)],
    }


def _seed(score: float | str | None, trial: int) -> dict[str, Any]:
    tested = isinstance(score, float)
    return {
        **{"trial": trial, "seed": 1_000_000 + trial, "outcome": score if isinstance(score, str) else "completed"},
        **{"reason": "", "epoch": 4.0, "metrics": {"validation/accuracy": 0.52}},
        "test": {
            "test/accuracy": score,
            "test/macro_f1": 0.9 * score,
            "test/weighted_f1": 0.95 * score,
            "test/loss": 1.2,
        }
        if tested and isinstance(score, float)
        else None,
    }


def answered(accuracy: float, texts: int, seed: int) -> TestPredictions:
    """Answers that are right for so many of the texts: the first ones are easy for every model, the last are hard."""
    random = np.random.default_rng(seed)
    ease = np.linspace(1, 0, texts) + 0.1 * random.standard_normal(texts)
    right = np.zeros(texts, dtype=bool)
    right[np.argsort(-ease)[: round(accuracy * texts)]] = True
    labels = np.arange(texts) % len(LABELS)
    return TestPredictions(labels, np.where(right, labels, (labels + 1) % len(LABELS)))
