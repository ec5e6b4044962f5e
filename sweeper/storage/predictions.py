"""The predictions of confirmed models, as parquet files. Any two systems can be compared text by text later.

There is one file for each trial and split, `predictions/97-test.parquet`, with a row for each text in the split's
order. LCL models also have the mean class weights of their weighting network, as JSON.
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

_FOLDER = "predictions"


def save_predictions(folder: Path, trial: Trial, labels: tuple[str, ...], scores: ModelScores) -> None:
    """Write the predictions of a trial's model below the sweep's `folder`. They are on the disk when this returns."""
    for split, predictions in scores.splits.items():
        with atomic_write(predictions_path(folder, trial.number, split)) as file:
            file.write(_to_parquet(predictions, labels))
    if scores.learned_class_weights is not None:
        with atomic_write(class_weights_path(folder, trial.number)) as file:
            file.write((json.dumps(_to_lists(scores.learned_class_weights)) + "\n").encode())


def predictions_path(folder: Path, number: int, split: str) -> Path:
    """Return the path of the predictions of trial `number` on a split."""
    return folder / _FOLDER / f"{number}-{split}.parquet"


def class_weights_path(folder: Path, number: int) -> Path:
    """Return the path of the class weights that trial `number` learned."""
    return folder / _FOLDER / f"{number}-weights.json"


def load_class_weights(folder: Path, number: int) -> NDArray[np.float64] | None:
    """Return the class weights (C, C) that trial `number` learned, or None if it has none."""
    path = class_weights_path(folder, number)
    return np.array(json.loads(path.read_text(encoding="utf-8")), dtype=float) if path.exists() else None


def _to_lists(matrix: NDArray[np.float32]) -> list[list[float | None]]:
    return [[None if np.isnan(value) else round(float(value), 6) for value in row] for row in matrix]


def _to_parquet(predictions: Predictions, labels: tuple[str, ...]) -> bytes:
    names, predicted = np.array(labels, dtype=object), predictions.predicted_classes
    columns = {
        "row": pyarrow.array(np.arange(len(predicted)), pyarrow.int32()),
        "label": pyarrow.array(names[predictions.labels], pyarrow.string()),
        "prediction": pyarrow.array(names[predicted], pyarrow.string()),
        "probability": pyarrow.array(predictions.probabilities.max(axis=1), pyarrow.float32()),
        "probabilities": pyarrow.array(list(predictions.probabilities), pyarrow.list_(pyarrow.float32())),
    }
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def load_predictions(
    folder: Path, trials: Iterable[int], split: str, labels: tuple[str, ...]
) -> dict[int, Predictions]:
    """Return the predictions of the given trials on a split, by trial. Trials without a file are left out."""
    paths = {trial: predictions_path(folder, trial, split) for trial in trials}
    return {trial: read_predictions(path, labels) for trial, path in paths.items() if path.exists()}


def read_predictions(path: Path, labels: tuple[str, ...]) -> Predictions:
    """Read a file of predictions. Raises RecordError if `save_predictions` did not write it for these labels."""
    try:
        with pyarrow.parquet.ParquetFile(path) as file:  # read_table imports pyarrow.dataset, to_numpy pandas: a second
            table = file.read()
        numbers = {label: number for number, label in enumerate(labels)}
        true_classes = np.array([numbers[label] for label in table["label"].to_pylist()], dtype=np.int64)
        flat = np.from_dlpack(table["probabilities"].combine_chunks().flatten())
        probabilities = flat.astype(np.float32).reshape(len(true_classes), len(labels))
    except (OSError, KeyError, ValueError, pyarrow.lib.ArrowException) as error:
        raise RecordError(f"{path}: cannot be read as predictions for {len(labels)} classes ({error})") from error
    return Predictions(true_classes, probabilities)
