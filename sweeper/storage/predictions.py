"""The predictions of confirmed models, as parquet files. Any two systems can be compared text by text later.

There is one file for each trial and split, `predictions/97-test.parquet`, with a row for each text in the split's
order. For `task: multi_label`, labels and predictions are lists, and the file has the thresholds that were tuned on
validation. LCL models also have the mean class weights of their weighting network, as JSON.
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
from sweeper.data.label_arrays import to_array
from sweeper.errors import RecordError
from sweeper.training.types import ModelScores, Predictions
from sweeper.trials.trial import Trial

_FOLDER = "predictions"
_THRESHOLDS = "thresholds"  # by label, in the metadata of a file's schema


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
    """Return the class weights (C, C) that trial `number` learned, or None if it has none.

    Raises RecordError if `save_predictions` did not write the file.
    """
    path = class_weights_path(folder, number)
    if not path.exists():
        return None
    try:
        weights = np.array(json.loads(path.read_text(encoding="utf-8")), dtype=float)
        if weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
            raise ValueError(f"no square matrix, but numbers of shape {weights.shape}")
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"{path}: cannot be read as class weights ({error}); put a copy in its place") from error
    return weights


def _to_lists(matrix: NDArray[np.float32]) -> list[list[float | None]]:
    return [[None if np.isnan(value) else round(float(value), 6) for value in row] for row in matrix]


def _to_parquet(predictions: Predictions, labels: tuple[str, ...]) -> bytes:
    columns = {
        "row": pyarrow.array(np.arange(len(predictions.labels)), pyarrow.int32()),
        **(_class_columns if predictions.thresholds is None else _label_set_columns)(predictions, labels),
        "probabilities": pyarrow.array(list(predictions.probabilities), pyarrow.list_(pyarrow.float32())),
    }
    table = pyarrow.table(columns)
    if predictions.thresholds is not None:
        thresholds = dict(zip(labels, predictions.thresholds.tolist(), strict=True))
        table = table.replace_schema_metadata({_THRESHOLDS: json.dumps(thresholds)})
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer)
    return buffer.getvalue()


def _class_columns(predictions: Predictions, labels: tuple[str, ...]) -> dict[str, pyarrow.Array]:
    names = np.array(labels, dtype=object)
    return {
        "label": pyarrow.array(names[predictions.labels], pyarrow.string()),
        "prediction": pyarrow.array(names[predictions.predicted_classes], pyarrow.string()),
        "probability": pyarrow.array(predictions.probabilities.max(axis=1), pyarrow.float32()),
    }


def _label_set_columns(predictions: Predictions, labels: tuple[str, ...]) -> dict[str, pyarrow.Array]:
    matrices = {"label": predictions.labels, "prediction": predictions.predicted_classes}  # (N, C) each
    kind = pyarrow.list_(pyarrow.string())
    return {
        name: pyarrow.array([[labels[k] for k in np.flatnonzero(row)] for row in matrix], kind)
        for name, matrix in matrices.items()
    }


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
        thresholds = _read_thresholds(table, labels)
        stored = table["label"].to_pylist()
        label_sets = [(label,) for label in stored] if thresholds is None else stored
        unknown = {label for names in label_sets for label in names if label not in numbers}
        if unknown:
            raise KeyError(min(unknown))
        true_labels = to_array(label_sets, numbers, is_multi_label=thresholds is not None)
        flat = np.from_dlpack(table["probabilities"].combine_chunks().flatten())
        probabilities = flat.astype(np.float32).reshape(len(true_labels), len(labels))
    except (OSError, AttributeError, KeyError, TypeError, ValueError, pyarrow.lib.ArrowException) as error:
        reason = f"cannot be read as predictions for {len(labels)} classes ({error})"
        raise RecordError(f"{path}: {reason}; put a copy in its place") from error
    return Predictions(true_labels, probabilities, thresholds)


def _read_thresholds(table: pyarrow.Table, labels: tuple[str, ...]) -> NDArray[np.float64] | None:
    """Return the thresholds in a table of predictions, in the order of `labels`; None if it has none."""
    stored = (table.schema.metadata or {}).get(_THRESHOLDS.encode())
    if stored is None:
        return None
    thresholds = json.loads(stored)
    return np.array([float(thresholds[label]) for label in labels])
