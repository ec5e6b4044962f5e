"""Formats of predictions. To add a format, add an entry to PREDICTION_FORMATS."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PredictedRow:
    """The texts of a row by column, and the probability of each class by name."""

    texts: Mapping[str, str]
    probabilities: Mapping[str, float]

    @property
    def label(self) -> str:
        """The most probable class."""
        return max(self.probabilities, key=lambda name: self.probabilities[name])


@dataclass(frozen=True)
class PredictionFormat:
    """A format: its label for the help, and the function that makes the text."""

    label: str
    write: Callable[[Sequence[PredictedRow]], str]


def to_csv(rows: Sequence[PredictedRow]) -> str:
    """Return a table: the texts, the label, and a column probability/NAME for each class."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if rows:
        writer.writerow([*rows[0].texts, "label", *(f"probability/{name}" for name in rows[0].probabilities)])
    for row in rows:
        writer.writerow([*row.texts.values(), row.label, *(f"{value:.6g}" for value in row.probabilities.values())])
    return text.getvalue()


def to_json_lines(rows: Sequence[PredictedRow]) -> str:
    """Return an object on each line: the texts, the label, and the probabilities by class."""
    return "".join(f"{json.dumps(_to_object(row), ensure_ascii=False)}\n" for row in rows)


def _to_object(row: PredictedRow) -> dict[str, object]:
    probabilities = {name: round(value, 6) for name, value in row.probabilities.items()}
    return {**row.texts, "label": row.label, "probabilities": probabilities}


PREDICTION_FORMATS: Mapping[str, PredictionFormat] = {
    "csv": PredictionFormat("a table", to_csv),
    "jsonl": PredictionFormat("a JSON object on each line", to_json_lines),
}
DEFAULT_FORMAT = "csv"
