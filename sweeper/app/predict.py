"""Predicts the classes of texts with a trained model, exactly as sweeper computed them when it scored the model."""

import json
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from sweeper.app.kept_model import KeptModel, find_model
from sweeper.app.prediction_rows import clean_text
from sweeper.errors import UsageError
from sweeper.training.registry import encoder_kind
from sweeper.wording import count_noun, quote_value

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class TextClassifier:
    """A trained model that is loaded, for any number of predictions."""

    def __init__(self, kept_model: KeptModel) -> None:
        """Load the model. Raises UsageError if its files are damaged."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow warns of the type hints that its own interface has
            from sweeper.tracking.pyfunc_model import ServedClassifier

        self.kept, self.labels = kept_model, kept_model.labels
        self._served = ServedClassifier()
        with tempfile.TemporaryDirectory() as temporary:
            settings = Path(temporary) / "prediction.json"
            settings.write_text(json.dumps(dict(kept_model.settings)), encoding="utf-8")
            artifacts = {"model": str(kept_model.folder), "prediction": str(settings)}
            try:
                self._served.load_context(SimpleNamespace(artifacts=artifacts))
            except Exception as error:
                reason = " ".join(str(error).split())[:200]
                raise UsageError(
                    f"{kept_model.folder}: the model cannot be loaded ({reason}); train it again"
                ) from error

    @property
    def texts_per_row(self) -> int:
        """The number of texts in a row: 2 for pairs."""
        return len(self.kept.text_columns)

    def predict(self, texts: Iterable[str] | Iterable[Sequence[str]]) -> "pd.DataFrame":
        """Return the label of each text, or pair of texts, and the probability of each class.

        The columns are `label`, and `probability/NAME` for each class. A model that predicts any number of labels has
        a list of them in the column `labels` instead. Raises UsageError for a row that has not as many texts, and for
        what is no list.
        """
        import pandas as pd

        if isinstance(texts, str):
            raise UsageError("predict takes a list of texts, got a string; write predict([text])")
        if not isinstance(texts, Iterable):
            raise UsageError(f"predict takes a list of texts, got {quote_value(texts)}; write predict([text])")
        rows = [(row,) if isinstance(row, str) or not isinstance(row, Iterable) else tuple(row) for row in texts]
        for row in rows:
            if len(row) != self.texts_per_row or not all(isinstance(text, str) for text in row):
                value = quote_value(row[0] if len(row) == 1 else list(row))
                raise UsageError(f"the model takes {count_noun(self.texts_per_row, 'text')} in a row, got {value}")
        cleaned = [[clean_text(text, self.kept.replacements) for text in row] for row in rows]
        probabilities = self.probabilities(cleaned)
        table = pd.DataFrame(probabilities, columns=[f"probability/{label}" for label in self.labels])
        table.insert(0, *self._served.name_labels(probabilities))
        return table

    def probabilities(
        self, rows: Sequence[Sequence[str]], show: Callable[[int], None] = lambda _: None
    ) -> "NDArray[np.float32]":
        """Return the probability of each class (N, C) for rows of one text, or of two.

        After each batch, `show` gets the number of rows that are done.
        """
        texts = [row[0] for row in rows]
        pairs = [row[1] for row in rows] if self.texts_per_row > 1 else None
        with self._limit_threads():
            probabilities: NDArray[np.float32] = self._served.predict_probabilities(texts, pairs, show)
        return probabilities

    def _limit_threads(self) -> AbstractContextManager[None]:
        """Return a context with no more CPU threads than the training had, for a small layer that more slow down."""
        from sweeper.training.device import limit_threads

        threads = self.kept.hyperparameters.get("threads")
        if threads is None or encoder_kind(self.kept.settings["encoder"]).is_pretrained:
            return nullcontext()
        return limit_threads(int(threads))


def load_model(model: str | PathLike[str], *, sweeps: str | Path = "sweeps") -> TextClassifier:
    """Return the best model of a sweep, or the model in a folder that `sweeper train` wrote.

    Raises UsageError if there is none.
    """
    return TextClassifier(find_model(model, Path(sweeps)))
