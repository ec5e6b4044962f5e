"""A model that was confirmed, scored once: what it makes of the validation split, and of the test split where one is.

It is the model of the best epoch, which the training left in a file. Where that cannot be read, the training is done
once more from its seed: on a CPU that gives the same model.
"""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from sweeper.config import TrainConfig
from sweeper.errors import CheckpointError
from sweeper.learn import checkpoint, device
from sweeper.learn.model import Classifier
from sweeper.learn.score import scoring, weights_between_classes
from sweeper.learn.train import live, model_of, newest_model
from sweeper.sections import Objective
from sweeper.values import Predictions, Progress, Report, Scored, TrainingData

Events = Generator[Report | Progress, None, None]


def scored(config: TrainConfig, data: TrainingData, saved: Path | None, choose: Objective) -> Events:
    """One Report: the figures on the test split, and with them the model's answers and LCL's learned weights.

    `saved` is where the training kept its checkpoints, `choose` what chose its epoch. Without a test split in `data`
    the report has no metrics. Raises CheckpointError where there is no model even after another training.
    """
    assert saved is not None
    best = yield from _best(config, data, saved, choose)
    place = device.prepare(config)
    model = Classifier(config, data)
    model.load_state_dict(best["model"])
    model.to(place)
    answers, figures = {}, {}
    for name in (name for name in ("validation", "test") if name in data.splits):
        found = yield from scoring(model, data, name, config)
        answers[name] = Predictions(data.splits[name].labels, found.probabilities)
        figures[name] = {f"{name}/{figure}": value for figure, value in found.figures.items()}
    weights = yield from weights_between_classes(model, data, "validation", config)
    yield Report(best["step"], best["epoch"], figures.get("test", {}), Scored(answers, weights))


def _best(
    config: TrainConfig, data: TrainingData, saved: Path, choose: Objective
) -> Generator[Progress, None, dict[str, Any]]:
    """The best epoch's step and model, from its file or from another training."""
    newest = newest_model(saved)
    try:
        return checkpoint.load(newest)
    except CheckpointError as error:
        yield Progress(f"{newest.name} cannot be read ({error}); it is trained once more")
    with closing(live(config, data, saved, choose)) as events:
        for _ in events:
            yield Progress()
    return checkpoint.load(model_of(saved))
