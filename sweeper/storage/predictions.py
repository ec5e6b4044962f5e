"""What confirmed models answered, kept as parquet: any later comparison of two systems can then pair their texts.

One file for each trial and split, `predictions/97-test.parquet`; a row is a text, in the split's order. Beside them,
for LCL, the weights that it learned between classes, as JSON.
"""

import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.lib
import pyarrow.parquet
from numpy.typing import NDArray

from sweeper.atomic_write import atomic_write
from sweeper.errors import RecordError
from sweeper.training.types import ModelScores, Predictions
from sweeper.trials.trial import Trial

FOLDER = "predictions"


def save_predictions(folder: Path, trial: Trial, labels: tuple[str, ...], scored: ModelScores) -> None:
    """Write what the model of a trial answered below `folder`; on the disk when this returns."""
    for split, found in scored.splits.items():
        with atomic_write(predictions_path(folder, trial.number, split)) as file:
            file.write(_parquet(found, labels))
    if scored.weights is not None:
        with atomic_write(class_weights_path(folder, trial.number)) as file:
            file.write((json.dumps(_plain(scored.weights)) + "\n").encode())


def predictions_path(folder: Path, number: int, split: str) -> Path:
    """Where the answers of trial `number` on a split are."""
    return folder / FOLDER / f"{number}-{split}.parquet"


def class_weights_path(folder: Path, number: int) -> Path:
    """Where the weights between classes are that trial `number` learned."""
    return folder / FOLDER / f"{number}-weights.json"


def load_class_weights(folder: Path, number: int) -> NDArray[np.float64] | None:
    """The weights between classes (C, C) that trial `number` learned; None where it has none."""
    place = class_weights_path(folder, number)
    return np.array(json.loads(place.read_text(encoding="utf-8")), dtype=float) if place.exists() else None


def _plain(matrix: NDArray[np.float32]) -> list[list[float | None]]:
    return [[None if np.isnan(value) else round(float(value), 6) for value in row] for row in matrix]


def _parquet(found: Predictions, labels: tuple[str, ...]) -> bytes:
    names, chosen = np.array(labels, dtype=object), found.classes
    columns = {
        "row": pyarrow.array(np.arange(len(chosen)), pyarrow.int32()),
        "label": pyarrow.array(names[found.labels], pyarrow.string()),
        "prediction": pyarrow.array(names[chosen], pyarrow.string()),
        "probability": pyarrow.array(found.probabilities.max(axis=1), pyarrow.float32()),
        "probabilities": pyarrow.array(list(found.probabilities), pyarrow.list_(pyarrow.float32())),
    }
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def load_predictions(
    folder: Path, trials: Iterable[int], split: str, labels: tuple[str, ...]
) -> dict[int, Predictions]:
    """The answers of these trials on a split, by trial: of those whose file is there."""
    places = {trial: predictions_path(folder, trial, split) for trial in trials}
    return {trial: read_predictions(place, labels) for trial, place in places.items() if place.exists()}


def read_predictions(place: Path, labels: tuple[str, ...]) -> Predictions:
    """The answers in a file. Raises RecordError where it is not what `keep` wrote for these labels."""
    try:
        table = pyarrow.parquet.read_table(place)
        number = {label: k for k, label in enumerate(labels)}
        true = np.array([number[label] for label in table["label"].to_pylist()], dtype=np.int64)
        flat = table["probabilities"].combine_chunks().flatten().to_numpy()
        probabilities = flat.astype(np.float32).reshape(len(true), len(labels))
    except (OSError, KeyError, ValueError, pyarrow.lib.ArrowException) as error:
        raise RecordError(f"{place}: cannot be read as answers on {len(labels)} classes ({error})") from error
    return Predictions(true, probabilities)
