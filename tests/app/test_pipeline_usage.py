"""`sweeper export` shows the call of its model that the model card beside it has, for each task and for pairs."""

import json
from pathlib import Path

import pytest

from sweeper.app.kept_model import KeptModel
from sweeper.app.pipeline_usage import describe_export, pipeline_code


def kept_model(folder: Path, task: str = "single_label", columns: tuple[str, ...] = ("text",)) -> KeptModel:
    (folder / "labels.json").write_text('["joy", "anger"]', encoding="utf-8")
    (folder / "thresholds.json").write_text(json.dumps({"joy": 0.4, "anger": 0.5}), encoding="utf-8")
    return KeptModel(folder, {"task": task, "columns": columns})


def test_a_model_of_one_label_is_called_with_a_text(tmp_path: Path) -> None:
    assert describe_export(kept_model(tmp_path), "it's", "") == [
        "use it: transformers.pipeline('text-classification', model=\"it's\", top_k=None)('a text', truncation=True)"
    ]


def test_a_model_of_several_labels_names_their_thresholds(tmp_path: Path) -> None:
    use, note = describe_export(kept_model(tmp_path, "multi_label"), "out", "")
    assert "model='out', top_k=None)" in use
    assert note == (
        "note:   a text has any number of labels: top_k=None lists the probability of each, and thresholds.json has "
        "those from which a label is predicted"
    )


def test_a_model_of_pairs_is_called_with_both_texts(tmp_path: Path) -> None:
    use, note = describe_export(kept_model(tmp_path, columns=("a", "b")), "out", "it has code")
    assert "top_k=None, trust_remote_code=True)({'text': 'a text', 'text_pair': 'another'}, truncation=True)" in use
    assert note == "note:   it has code"


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
@pytest.mark.parametrize("columns", [("a",), ("a", "b")])
@pytest.mark.parametrize("own_code", ["", "it has code"])
def test_the_line_and_the_card_have_the_same_call(
    tmp_path: Path, task: str, columns: tuple[str, ...], own_code: str
) -> None:
    model = kept_model(tmp_path, task, columns)
    card = "".join(pipeline_code(model, "out", own_code=own_code))
    line = describe_export(model, "out", own_code)[0]
    assert line == f"use it: transformers.{card}".replace('"', "'")
