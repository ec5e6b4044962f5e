"""Score a confirmed model once: its predictions for the validation split, and for the test split if there is one.

The model is the one that its training left in a file: that of the best epoch, or another that `average` names. If that
file cannot be read, or does not fit, the training is repeated from its seed; on a CPU that gives the same model.
"""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from sweeper.errors import CheckpointError
from sweeper.training import checkpoint
from sweeper.training.best_model import best_model_path, latest_best_model
from sweeper.training.config import TrainConfig
from sweeper.training.device import setup_device
from sweeper.training.evaluation import evaluate_events, mean_class_weights
from sweeper.training.model import Classifier
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.trained_model import build_trained_model
from sweeper.training.trainer import train_events
from sweeper.training.types import (
    Heartbeat,
    ModelScores,
    Predictions,
    TrainingData,
    TrainingEvents,
    ValidationReport,
)


def score_best_model(
    config: TrainConfig, data: TrainingData, checkpoint_path: Path | None, objective: ObjectiveMetric
) -> TrainingEvents:
    """Yield one report: the metrics on the test split, with the model's predictions and LCL's learned class weights.

    `checkpoint_path` is the training's checkpoint file, `objective` the metric that chose its best epoch. If `data` has
    no test split, the report has no metrics. Raises CheckpointError if there is no model even after training again.
    """
    assert checkpoint_path is not None
    device = setup_device(config)
    best, model = yield from _load_or_retrain(config, data, checkpoint_path, objective)
    model = model.to(device)
    predictions: dict[str, Predictions] = {}
    metrics: dict[str, dict[str, float]] = {}
    thresholds = None  # tuned on validation, which comes first
    for split in (split for split in ("validation", "test") if split in data.splits):
        evaluation = yield from evaluate_events(model, data, split, config, objective, thresholds)
        predictions[split], thresholds = evaluation.predictions, evaluation.predictions.thresholds
        metrics[split] = {f"{split}/{name}": value for name, value in evaluation.metrics.items()}
    weights = yield from mean_class_weights(model, data, "validation", config)
    scores = ModelScores(predictions, weights)
    yield ValidationReport(*best, metrics.get("test", {}), scores)


def _load_or_retrain(
    config: TrainConfig, data: TrainingData, checkpoint_path: Path, objective: ObjectiveMetric
) -> Generator[Heartbeat, None, tuple[tuple[int, float], Classifier]]:
    """Return the best epoch, as step and epoch, and its model: from its file, or from another training.

    Raises CheckpointError if the model of another training cannot be written either, with the reason, such as a full
    disk.
    """
    path = latest_best_model(checkpoint_path)
    try:
        return _load(path, config, data)
    except CheckpointError as error:
        yield Heartbeat(f"{path.name} cannot be used ({error}); the model is trained again")
    reason = ""
    with closing(train_events(config, data, checkpoint_path, objective)) as events:
        for event in events:
            heartbeat = event if isinstance(event, Heartbeat) else Heartbeat()
            reason = heartbeat.note or reason
            yield heartbeat
    try:
        return _load(best_model_path(checkpoint_path), config, data)
    except CheckpointError as error:
        raise CheckpointError(reason or str(error)) from error


def _load(path: Path, config: TrainConfig, data: TrainingData) -> tuple[tuple[int, float], Classifier]:
    """Return the epoch and the model in a file. Raises CheckpointError if it cannot be read or does not fit."""
    state = checkpoint.load_checkpoint(path)
    with checkpoint.checking_fit():
        epoch = int(state["step"]), float(state["epoch"])
    return epoch, build_trained_model(state, config, data)
