"""What models answered, written and read back: the same probabilities, whichever program reads them."""

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
def answers() -> Predictions:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 5).astype(np.float32)
    return Predictions(np.array([2, 0, 1, 1, 0]), probabilities)


def test_what_is_read_is_what_was_kept(tmp_path: Path, trial: Trial, answers: Predictions) -> None:
    predictions.save_predictions(tmp_path, trial, LABELS, ModelScores({"test": answers, "validation": answers}))
    for split in ("test", "validation"):
        found = predictions.read_predictions(tmp_path / "predictions" / f"7-{split}.parquet", LABELS)
        assert found.labels.tolist() == answers.labels.tolist()
        assert found.probabilities.tolist() == answers.probabilities.tolist()


def test_any_reader_of_parquet_finds_names_and_rows(tmp_path: Path, trial: Trial, answers: Predictions) -> None:
    predictions.save_predictions(tmp_path, trial, LABELS, ModelScores({"test": answers}))
    rows = pyarrow.parquet.read_table(predictions.predictions_path(tmp_path, 7, "test")).to_pylist()
    assert [row["row"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["label"] for row in rows] == ["good", "very bad", "so-so", "so-so", "very bad"]
    assert [row["prediction"] for row in rows] == [LABELS[k] for k in answers.probabilities.argmax(axis=1)]
    assert [row["probability"] for row in rows] == answers.probabilities.max(axis=1).tolist()


def test_weights_between_classes_are_kept_where_there_are_some(tmp_path: Path, trial: Trial) -> None:
    weights = np.array([[0.5, 0.5], [np.nan, np.nan]], dtype=np.float32)
    assert predictions.load_class_weights(tmp_path, 7) is None
    predictions.save_predictions(tmp_path, trial, LABELS, ModelScores({}, weights))
    np.testing.assert_array_equal(predictions.load_class_weights(tmp_path, 7), weights)


@pytest.mark.parametrize("damage", ["cut", "other labels", "gone"])
def test_what_is_damaged_or_of_other_classes_is_refused(
    tmp_path: Path, trial: Trial, answers: Predictions, damage: str
) -> None:
    predictions.save_predictions(tmp_path, trial, LABELS, ModelScores({"test": answers}))
    place = predictions.predictions_path(tmp_path, 7, "test")
    if damage == "cut":
        place.write_bytes(place.read_bytes()[:-9])
    if damage == "gone":
        place.unlink()
    with pytest.raises(RecordError, match=r"7-test\.parquet: cannot be read"):
        predictions.read_predictions(place, ("a", "b") if damage == "other labels" else LABELS)
