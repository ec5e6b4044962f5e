"""The metrics of the published table against scikit-learn, again from the parquet files of an earlier sweep."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

import sweeper
from sweeper.errors import UsageError
from sweeper.reporting.table.cells import Caveat
from sweeper.storage.predictions import predictions_path, save_predictions
from sweeper.training.types import ModelScores, Predictions
from tests.support.recorded_sweeps import LABELS, RecordedSweep

Files = Callable[[str], tuple[NDArray[np.int64], NDArray[np.float64]]]


def ece(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Return the calibration error over ten bins of equal width, from the mean distances of its bins."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    total = 0.0
    for low in np.arange(10) / 10:
        own = (confidence > low) & (confidence <= low + 0.1)
        total += own.sum() * abs(confidence[own].mean() - right[own].mean()) if own.any() else 0
    return total / len(labels)


def ece_scaled(read: Files) -> float:
    """Fit the temperature of two classes as the slope of a logistic regression without a penalty."""

    def margins(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(probabilities[:, 1] / probabilities[:, 0])

    labels, probabilities = read("validation")
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    slope = model.fit(margins(probabilities)[:, None], labels).coef_[0, 0]
    labels, probabilities = read("test")
    positive = 1 / (1 + np.exp(-slope * margins(probabilities)))
    return ece(labels, np.stack([1 - positive, positive], axis=1))


EXPECTED: dict[str, Callable[[Any, Any, Any], float]] = {
    "accuracy": lambda y, p, _: sk.accuracy_score(y, p.argmax(1)),
    "balanced_accuracy": lambda y, p, _: sk.balanced_accuracy_score(y, p.argmax(1)),
    "mcc": lambda y, p, _: sk.matthews_corrcoef(y, p.argmax(1)),
    "f1/bad": lambda y, p, _: sk.f1_score(y, p.argmax(1), average=None)[0],
    "precision/good": lambda y, p, _: sk.precision_score(y, p.argmax(1), average=None)[1],
    "recall/bad": lambda y, p, _: sk.recall_score(y, p.argmax(1), average=None)[0],
    "loss": lambda y, p, _: sk.log_loss(y, p),
    "auroc": lambda y, p, _: sk.roc_auc_score(y, p[:, 1]),
    "brier": lambda y, p, _: sk.brier_score_loss(y, p[:, 1]),
    "ece": lambda y, p, _: ece(y, p),
    "ece_scaled": lambda _y, _p, read: ece_scaled(read),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep whose results have no metric of the probabilities, with the predictions of its models."""
    sweep = RecordedSweep(tmp_path_factory.mktemp("sweeps")).search().finish()
    with sweep.study() as study:
        trials = [record.trial for record in study.all_trials() if record.trial.source_trial]
    for trial in trials:
        splits = {split: draw(10 * trial.number + k) for k, split in enumerate(("validation", "test"))}
        save_predictions(sweep.folder.path, trial, LABELS, ModelScores(splits))
    return sweep.folder.path


def draw(seed: int) -> Predictions:
    """Return predictions of 100 texts, half of them right: rather those that the model is sure of."""
    random, labels = np.random.default_rng(seed), np.arange(100) // 3 % 2
    confidence = random.uniform(0.5, 1, 100)
    right = np.argsort(np.argsort(confidence + random.normal(0, 0.1, 100))) >= 50
    positive = np.where(right == (labels == 1), confidence, 1 - confidence)
    return Predictions(labels, np.stack([1 - positive, positive], axis=1).astype(np.float32))


@pytest.mark.parametrize("metric", EXPECTED)
def test_a_metric_is_that_of_scikit_learn(metric: str, finished: Path) -> None:
    table = sweeper.open(finished).results.table(metric)
    cells = [cell for _, cell in table.system_cells()]
    assert cells
    for cell in cells:
        for trial, score in cell.scores.items():

            def read(split: str, trial: int = trial) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
                stored = pyarrow.parquet.read_table(predictions_path(finished, trial, split))
                labels = np.array([LABELS.index(name) for name in stored["label"].to_pylist()])
                return labels, np.array(stored["probabilities"].to_pylist())

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert score == pytest.approx(EXPECTED[metric](*read("test"), read), abs=1e-5)


@pytest.mark.parametrize("metric", ["qwk", "mae"])
def test_a_metric_of_ordered_classes_has_a_reason_instead_where_they_have_no_order(metric: str, finished: Path) -> None:
    (_, cell), *_ = sweeper.open(finished).results.table(metric).system_cells()
    assert cell.scores == {}
    assert "its classes have no order" in cell.caveats[Caveat.NO_SCORE]


@pytest.mark.parametrize(
    ("metric", "rule"),
    [
        ("f1/badd", "metric f1/badd: no data set of the table has this class; allowed: bad, good; did you mean bad?"),
        ("f1/Good", "metric f1/Good: no data set of the table has this class; allowed: bad, good; did you mean good?"),
        ("f1", "metric f1 needs the name of a class: f1/CLASS"),
        ("f1/", "metric f1/ needs the name of a class: f1/CLASS"),
        ("auroc/bad", "metric auroc/bad is unknown; of one class, allowed: f1/CLASS, precision/CLASS, recall/CLASS"),
        ("acuracy", "metric acuracy is unknown; allowed: accuracy, "),
    ],
)
def test_a_wrong_metric_or_class_is_one_line_with_the_nearest_name(metric: str, rule: str, finished: Path) -> None:
    with pytest.raises(UsageError) as caught:
        sweeper.open(finished).results.table(metric)
    assert str(caught.value).startswith(rule)
    assert "\n" not in str(caught.value)
