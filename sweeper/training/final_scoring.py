"""A model that was confirmed, scored once: what it makes of the validation split, and of the test split where one is.

It is the model of the best epoch, which the training left in a file. Where that cannot be read, the training is done
once more from its seed: on a CPU that gives the same model.
"""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from sweeper.errors import CheckpointError
from sweeper.training import checkpoint, device
from sweeper.training.config import TrainConfig
from sweeper.training.evaluation import evaluate_events, mean_class_weights
from sweeper.training.model import Classifier
from sweeper.training.selection import ObjectiveMetric
from sweeper.training.trainer import best_model_path, latest_best_model, train_events
from sweeper.training.types import Heartbeat, ModelScores, Predictions, TrainingData, ValidationReport

Events = Generator[ValidationReport | Heartbeat, None, None]


def score_best_model(config: TrainConfig, data: TrainingData, saved: Path | None, choose: ObjectiveMetric) -> Events:
    """One Report: the figures on the test split, and with them the model's answers and LCL's learned weights.

    `saved` is where the training kept its checkpoints, `choose` what chose its epoch. Without a test split in `data`
    the report has no metrics. Raises CheckpointError where there is no model even after another training.
    """
    assert saved is not None
    best = yield from _best(config, data, saved, choose)
    place = device.setup_device(config)
    model = Classifier(config, data)
    model.load_state_dict(best["model"])
    model.to(place)
    answers, figures = {}, {}
    for name in (name for name in ("validation", "test") if name in data.splits):
        found = yield from evaluate_events(model, data, name, config)
        answers[name] = Predictions(data.splits[name].labels, found.probabilities)
        figures[name] = {f"{name}/{figure}": value for figure, value in found.metrics.items()}
    weights = yield from mean_class_weights(model, data, "validation", config)
    yield ValidationReport(best["step"], best["epoch"], figures.get("test", {}), ModelScores(answers, weights))


def _best(
    config: TrainConfig, data: TrainingData, saved: Path, choose: ObjectiveMetric
) -> Generator[Heartbeat, None, dict[str, Any]]:
    """The best epoch's step and model, from its file or from another training."""
    newest = latest_best_model(saved)
    try:
        return checkpoint.load_checkpoint(newest)
    except CheckpointError as error:
        yield Heartbeat(f"{newest.name} cannot be read ({error}); it is trained once more")
    with closing(train_events(config, data, saved, choose)) as events:
        for _ in events:
            yield Heartbeat()
    return checkpoint.load_checkpoint(best_model_path(saved))
