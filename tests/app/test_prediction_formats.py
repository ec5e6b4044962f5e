"""Formats of predictions: a text keeps its column, whatever its name."""

import csv
import io
import json

import pytest

from sweeper.app.prediction_formats import PredictedRow, to_csv, to_json_lines

PROBABILITIES = {"bad": 0.25, "good": 0.75}


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ("text", ["text", "label", "probability/bad", "probability/good"]),
        ("label", ["label", "predicted_label", "probability/bad", "probability/good"]),
        ("labels", ["labels", "label", "probability/bad", "probability/good"]),
        ("probability/bad", ["probability/bad", "label", "predicted_probability/bad", "probability/good"]),
    ],
)
def test_columns_of_a_table_have_names_of_their_own(column: str, names: list[str]) -> None:
    header, values = csv.reader(io.StringIO(to_csv([PredictedRow({column: "a text"}, PROBABILITIES)])))
    assert header == names
    assert values == ["a text", "good", "0.25", "0.75"]


@pytest.mark.parametrize(
    ("column", "label", "probabilities"),
    [
        ("text", "label", "probabilities"),
        ("label", "predicted_label", "probabilities"),
        ("probabilities", "label", "predicted_probabilities"),
    ],
)
def test_keys_of_an_object_have_names_of_their_own(column: str, label: str, probabilities: str) -> None:
    row = PredictedRow({column: "a text"}, PROBABILITIES)
    assert json.loads(to_json_lines([row])) == {column: "a text", label: "good", probabilities: PROBABILITIES}


def test_a_pair_that_has_the_name_and_its_substitute_leaves_a_third() -> None:
    row = PredictedRow({"labels": "a", "predicted_labels": "b"}, PROBABILITIES, {"bad": 0.5, "good": 0.5})
    written = {"labels": "a", "predicted_labels": "b", "predicted_predicted_labels": ["good"]}
    assert json.loads(to_json_lines([row])) == {**written, "probabilities": PROBABILITIES}
