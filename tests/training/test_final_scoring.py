"""The best epoch's model is scored, however its training was interrupted, with the metrics it had then."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sweeper.errors import CheckpointError
from sweeper.training.batching import Batch
from sweeper.training.best_model import best_model_path
from sweeper.training.checkpoint import load_checkpoint, save_checkpoint
from sweeper.training.final_scoring import score_best_model
from sweeper.training.model import Classifier
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.trained_model import build_trained_model
from sweeper.training.trainer import train_events
from sweeper.training.types import Heartbeat, TrainingData, ValidationReport
from tests.support import tiny_training

OBJECTIVE = ObjectiveMetric(maximize="validation/accuracy")
SEVEN_EPOCHS: dict[str, Any] = {"epochs": 7, "learning_rate": 8e-3}  # the best epoch of LCL is the fifth of these


def reports(events: Any) -> list[ValidationReport]:
    return [event for event in events if isinstance(event, ValidationReport)]


def best_of(reports: list[ValidationReport]) -> ValidationReport:
    return max(reports, key=lambda report: report.metrics["validation/accuracy"])


def accuracy(report: ValidationReport, split: str) -> float:
    assert report.model_scores is not None
    predictions = report.model_scores.splits[split]
    return float((predictions.probabilities.argmax(axis=1) == predictions.labels).mean())


@pytest.mark.parametrize("loss", ["ce", "lcl", "scl_two_phase"])
def test_the_model_of_the_best_epoch_is_scored(tmp_path: Path, data: TrainingData, loss: str) -> None:
    config, checkpoint_path = tiny_training.config(loss=loss, **SEVEN_EPOCHS), tmp_path / "checkpoint-1.pt"
    trained = reports(train_events(config, data, checkpoint_path, OBJECTIVE))
    best = best_of([report for report in trained if "validation/accuracy" in report.metrics])
    (scored,) = reports(score_best_model(config, data, checkpoint_path, OBJECTIVE))
    assert (scored.step, scored.epoch) == (best.step, best.epoch)
    assert accuracy(scored, "validation") == best.metrics["validation/accuracy"]
    assert accuracy(scored, "test") == scored.metrics["test/accuracy"]
    assert set(scored.metrics) >= {"test/accuracy", "test/macro_f1", "test/weighted_f1", "test/loss"}


def test_an_interrupted_training_keeps_the_same_model(tmp_path: Path, data: TrainingData) -> None:
    config, uninterrupted, interrupted = (
        tiny_training.config(loss="lcl", **SEVEN_EPOCHS),
        tmp_path / "checkpoint-1.pt",
        tmp_path / "checkpoint-2.pt",
    )
    best = best_of(reports(train_events(config, data, uninterrupted, OBJECTIVE)))
    assert best.step < config.epochs
    for stop in (best.step, best.step + 1):  # right after the best epoch, and later
        events = train_events(config, data, interrupted, OBJECTIVE)
        list(islice((event for event in events if isinstance(event, ValidationReport)), stop))
        events.close()
    list(train_events(config, data, interrupted, OBJECTIVE))
    (expected,), (scored,) = (
        reports(score_best_model(config, data, path, OBJECTIVE)) for path in (uninterrupted, interrupted)
    )
    assert expected.model_scores is not None
    assert scored.model_scores is not None
    np.testing.assert_array_equal(
        expected.model_scores.splits["test"].probabilities, scored.model_scores.splits["test"].probabilities
    )


def test_a_damaged_model_is_trained_again(tmp_path: Path, data: TrainingData) -> None:
    config, checkpoint_path = tiny_training.config(), tmp_path / "checkpoint-1.pt"
    list(train_events(config, data, checkpoint_path, OBJECTIVE))
    (before,) = reports(score_best_model(config, data, checkpoint_path, OBJECTIVE))
    checkpoint_path.unlink()
    best_model_path(checkpoint_path).write_bytes(best_model_path(checkpoint_path).read_bytes()[:-100])
    events = list(score_best_model(config, data, checkpoint_path, OBJECTIVE))
    notes = [event.note for event in events if isinstance(event, Heartbeat) and event.note]
    reason = "its checksum is wrong: it was cut short, or altered"
    assert notes == [f"model-1.pt cannot be used ({reason}); the model is trained again"]
    (after,) = reports(events)
    assert after.metrics == before.metrics


def test_a_model_that_cannot_be_written_is_told_with_the_reason(tmp_path: Path, data: TrainingData) -> None:
    (tmp_path / "file").touch()
    scoring = score_best_model(tiny_training.config(), data, tmp_path / "file" / "checkpoint-1.pt", OBJECTIVE)
    with pytest.raises(CheckpointError, match=r"checkpoint-1.pt cannot be written \(File exists\)"):
        list(scoring)


@pytest.mark.parametrize("has_step", [True, False])
def test_a_model_of_another_version_is_trained_again(tmp_path: Path, data: TrainingData, has_step: bool) -> None:
    config, checkpoint_path = tiny_training.config(epochs=1), tmp_path / "checkpoint-1.pt"
    list(train_events(config, data, checkpoint_path, OBJECTIVE))
    (before,) = reports(score_best_model(config, data, checkpoint_path, OBJECTIVE))
    checkpoint_path.unlink()
    state = load_checkpoint(best_model_path(checkpoint_path))
    if has_step:
        del state["model"]["classifier.output.bias"]
    else:
        del state["step"]
    save_checkpoint(state, best_model_path(checkpoint_path))
    events = list(score_best_model(config, data, checkpoint_path, OBJECTIVE))
    (note,) = (event.note for event in events if isinstance(event, Heartbeat) and event.note)
    assert note.startswith("model-1.pt cannot be used (it ")
    assert note.endswith("); the model is trained again")
    (after,) = reports(events)
    assert after.metrics == before.metrics


def test_without_a_test_split_only_validation_is_predicted(tmp_path: Path, data: TrainingData) -> None:
    config, checkpoint_path = tiny_training.config(), tmp_path / "checkpoint-1.pt"
    searched = TrainingData(
        data.class_names, data.encoder, {name: data.splits[name] for name in ("train", "validation")}
    )
    list(train_events(config, searched, checkpoint_path, OBJECTIVE))
    (scored,) = reports(score_best_model(config, searched, checkpoint_path, OBJECTIVE))
    assert scored.metrics == {}
    assert scored.model_scores is not None
    assert set(scored.model_scores.splits) == {"validation"}


def _class_weights(model: Classifier, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the weight of each class (C,) for one text."""
    batch = Batch(torch.from_numpy(ids).long()[None], torch.ones(1, len(ids), dtype=torch.long), torch.zeros(1).long())
    with torch.no_grad():
        logits = model(batch).weighting_logits
    assert logits is not None
    weights: NDArray[np.float32] = logits[0].softmax(dim=-1).numpy()
    return weights


def test_learned_class_weights_are_means_by_true_class(tmp_path: Path, data: TrainingData) -> None:
    config, checkpoint_path = tiny_training.config(loss="lcl"), tmp_path / "checkpoint-1.pt"
    trained = reports(train_events(config, data, checkpoint_path, OBJECTIVE))
    (scored,) = reports(score_best_model(config, data, checkpoint_path, OBJECTIVE))
    assert scored.model_scores is not None
    assert scored.model_scores.learned_class_weights is not None
    assert scored.model_scores.learned_class_weights.shape == (3, 3)
    np.testing.assert_allclose(scored.model_scores.learned_class_weights.sum(axis=1), 1, rtol=1e-5)
    assert trained
    model = build_trained_model(load_checkpoint(best_model_path(checkpoint_path)), config, data).eval()
    texts = data.splits["validation"]
    for number in range(3):  # text by text
        rows = [row for row in range(len(texts)) if texts.labels[row] == number]
        weights = [_class_weights(model, texts.tokens[texts.starts[row] : texts.starts[row + 1]]) for row in rows]
        expected = np.mean(weights, axis=0)
        np.testing.assert_allclose(scored.model_scores.learned_class_weights[number], expected, rtol=1e-4)
    (plain,) = reports(score_best_model(tiny_training.config(), data, tmp_path / "ce" / "checkpoint-1.pt", OBJECTIVE))
    assert plain.model_scores is not None
    assert plain.model_scores.learned_class_weights is None


def test_without_an_objective_no_model_is_kept(tmp_path: Path, data: TrainingData) -> None:
    list(train_events(tiny_training.config(), data, tmp_path / "checkpoint-1.pt"))
    assert not best_model_path(tmp_path / "checkpoint-1.pt").exists()
