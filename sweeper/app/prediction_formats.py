"""Formats of predictions. To add a format, add an entry to PREDICTION_FORMATS."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PredictedRow:
    """The texts of a row by column, and the probability of each class by name.

    `thresholds` are those of a model that predicts any number of labels, by name.
    """

    texts: Mapping[str, str]
    probabilities: Mapping[str, float]
    thresholds: Mapping[str, float] | None = None

    @property
    def column(self) -> str:
        """The name of the predicted label's column: label or labels, with `predicted_` where a text has that name."""
        return self.name_column("label" if self.thresholds is None else "labels")

    def name_column(self, name: str) -> str:
        """Return the name of a column of the prediction, with `predicted_` before it where a text has that name."""
        while name in self.texts:
            name = f"predicted_{name}"
        return name

    @property
    def label(self) -> str | list[str]:
        """The most probable class, or the labels whose probability is not below their threshold."""
        if self.thresholds is not None:
            limits = self.thresholds
            return [name for name, probability in self.probabilities.items() if probability >= limits[name]]
        return max(self.probabilities, key=lambda name: self.probabilities[name])


@dataclass(frozen=True)
class PredictionFormat:
    """A format: its label for the help, the suffix of its files, and the function that makes the text."""

    label: str
    suffix: str
    write: Callable[[Sequence[PredictedRow]], str]


def to_csv(rows: Sequence[PredictedRow]) -> str:
    """Return a table: the texts, the label, and a column probability/NAME for each class.

    Of any number of labels, the column `labels` has a JSON list.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if rows:
        first = rows[0]
        named = (first.name_column(f"probability/{name}") for name in first.probabilities)
        writer.writerow([*first.texts, first.column, *named])
    for row in rows:
        label = row.label if isinstance(row.label, str) else json.dumps(row.label, ensure_ascii=False)
        writer.writerow([*row.texts.values(), label, *(f"{value:.6g}" for value in row.probabilities.values())])
    return text.getvalue()


def to_json_lines(rows: Sequence[PredictedRow]) -> str:
    """Return an object on each line: the texts, the label, and the probabilities by class."""
    return "".join(f"{json.dumps(_to_object(row), ensure_ascii=False)}\n" for row in rows)


def _to_object(row: PredictedRow) -> dict[str, object]:
    probabilities = {name: round(value, 6) for name, value in row.probabilities.items()}
    return {**row.texts, row.column: row.label, row.name_column("probabilities"): probabilities}


PREDICTION_FORMATS: Mapping[str, PredictionFormat] = {
    "csv": PredictionFormat("a table", ".csv", to_csv),
    "jsonl": PredictionFormat("a JSON object on each line", ".jsonl", to_json_lines),
}
DEFAULT_FORMAT = "csv"
