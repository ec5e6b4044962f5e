"""Predictions are read back as they were written, and any reader of parquet understands the files."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from sweeper.errors import RecordError
from sweeper.storage import predictions
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, Predictions
from sweeper.trials.trial import Trial

LABELS = ("very bad", "so-so", "good")


@pytest.fixture
def trial() -> Trial:
    return Trial(7, 0, {}, TrainConfig(encoder="m"), source_trial=2, seed_index=1)


@pytest.fixture
def predicted() -> Predictions:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 5).astype(np.float32)
    return Predictions(np.array([2, 0, 1, 1, 0]), probabilities)


def test_predictions_are_read_as_they_were_saved(tmp_path: Path, trial: Trial, predicted: Predictions) -> None:
    predictions.save_predictions(tmp_path, trial, LABELS, ModelScores({"test": predicted, "validation": predicted}))
    for split in ("test", "validation"):
        loaded = predictions.read_predictions(tmp_path / "predictions" / f"7-{split}.parquet", LABELS)
        assert loaded.labels.tolist() == predicted.labels.tolist()
        assert loaded.probabilities.tolist() == predicted.probabilities.tolist()


def test_a_parquet_reader_finds_class_names_and_row_numbers(
    tmp_path: Path, trial: Trial, predicted: Predictions
) -> None:
    predictions.save_predictions(tmp_path, trial, LABELS, ModelScores({"test": predicted}))
    rows = pyarrow.parquet.read_table(predictions.predictions_path(tmp_path, 7, "test")).to_pylist()
    assert [row["row"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["label"] for row in rows] == ["good", "very bad", "so-so", "so-so", "very bad"]
    assert [row["prediction"] for row in rows] == [LABELS[k] for k in predicted.probabilities.argmax(axis=1)]
    assert [row["probability"] for row in rows] == predicted.probabilities.max(axis=1).tolist()


def test_label_sets_are_lists_and_keep_the_thresholds_of_validation(tmp_path: Path, trial: Trial) -> None:
    labels, limits = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]]), [0.1 + 0.2, 0.5, 2 / 3]
    probabilities = np.random.default_rng(0).random((3, 3)).astype(np.float32)
    saved = Predictions(labels, probabilities, np.array(limits))
    predictions.save_predictions(tmp_path, trial, LABELS, ModelScores({"test": saved}))
    path = predictions.predictions_path(tmp_path, 7, "test")
    rows = pyarrow.parquet.read_table(path).to_pylist()
    assert [row["label"] for row in rows] == [["very bad", "good"], [], ["so-so"]]
    expected = [[LABELS[k] for k in np.flatnonzero(row)] for row in probabilities >= np.array(limits)]
    assert [row["prediction"] for row in rows] == expected
    loaded = predictions.read_predictions(path, LABELS)
    for name in ("labels", "probabilities", "thresholds", "predicted_classes"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))
    with pytest.raises(RecordError, match="cannot be read as predictions for 2 classes"):
        predictions.read_predictions(path, LABELS[:2])


def test_class_weights_are_saved_if_there_are_any(tmp_path: Path, trial: Trial) -> None:
    weights = np.array([[0.5, 0.5], [np.nan, np.nan]], dtype=np.float32)
    assert predictions.load_class_weights(tmp_path, 7) is None
    predictions.save_predictions(tmp_path, trial, LABELS, ModelScores({}, weights))
    np.testing.assert_array_equal(predictions.load_class_weights(tmp_path, 7), weights)


@pytest.mark.parametrize("damage", ["cut", "other labels", "gone"])
def test_a_file_that_is_damaged_or_has_other_classes_is_an_error(
    tmp_path: Path, trial: Trial, predicted: Predictions, damage: str
) -> None:
    predictions.save_predictions(tmp_path, trial, LABELS, ModelScores({"test": predicted}))
    path = predictions.predictions_path(tmp_path, 7, "test")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    if damage == "gone":
        path.unlink()
    with pytest.raises(RecordError, match=r"7-test\.parquet: cannot be read"):
        predictions.read_predictions(path, ("a", "b") if damage == "other labels" else LABELS)


@pytest.mark.parametrize("column", [[0.1, 0.2], [None, None], ["a", "b"]])
def test_probabilities_that_are_no_lists_are_an_error(tmp_path: Path, column: list[object]) -> None:
    path = tmp_path / "7-test.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"label": ["good", "so-so"], "probabilities": column}), path)
    with pytest.raises(RecordError, match=r"7-test\.parquet: cannot be read as predictions for 3 classes"):
        predictions.read_predictions(path, LABELS)


@pytest.mark.parametrize("content", ["", "[[0.5, 0.", "7", "[0.5, 0.5]", '{"a": 1}', '[["a"]]', "[[1, 2], [3]]"])
def test_damaged_class_weights_are_an_error(tmp_path: Path, content: str) -> None:
    path = predictions.class_weights_path(tmp_path, 7)
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(RecordError, match=r"7-weights\.json: cannot be read as class weights") as caught:
        predictions.load_class_weights(tmp_path, 7)
    assert len(str(caught.value).splitlines()) == 1
