"""Predictions of a kept model, from Python: those that the model made when it was scored, for any way to name it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sweeper as package
from sweeper.app.prediction_rows import parse_text_rows, read_rows
from sweeper.errors import UsageError
from tests.support import tiny_training
from tests.support.kept_models import SMALL, keep_random_model
from tests.support.random_models import export_random_model, own_probabilities, random_texts
from tests.support.recorded_sweeps import RecordedSweep


@pytest.mark.parametrize(("encoder", "pairs"), [("tiny", False), ("tiny", True), ("gru", False)])
def test_the_probabilities_are_those_of_the_scored_model(encoder: str, pairs: bool, tmp_path: Path) -> None:
    folder = keep_random_model(tmp_path / "sweeps", encoder=encoder, pairs=pairs)
    config = tiny_training.config(max_length=24, **SMALL).model_copy(update={"encoder": encoder})
    split = random_texts(pairs)
    data = export_random_model(tmp_path, config, split)
    rows = split.texts if split.pairs is None else list(zip(split.texts, split.pairs, strict=True))
    table = package.load_model(folder.name, sweeps=tmp_path / "sweeps").predict(rows)
    expected = own_probabilities(tmp_path, config, data)
    assert np.array_equal(table.iloc[:, 1:].to_numpy(np.float32), expected)


def test_a_model_is_found_by_sweep_and_by_folder_with_and_without_its_settings(tmp_path: Path) -> None:
    folder = keep_random_model(tmp_path / "sweeps")
    texts = ["w1 w2 w3", "w4"]
    expected = package.load_model(folder.path).predict(texts)
    (folder.path / "model" / "prediction.json").rename(tmp_path / "kept.json")
    assert package.load_model(folder.path / "model").predict(texts).equals(expected)  # from the sweep above
    moved = tmp_path / "moved"
    shutil.copytree(folder.path / "model", moved)
    with pytest.raises(UsageError, match="lies in no sweep; put the folder back into its sweep"):
        package.load_model(moved)
    shutil.copy(tmp_path / "kept.json", moved / "prediction.json")
    assert package.load_model(moved).predict(texts).equals(expected)


def test_a_sweep_without_a_model_names_the_way_to_one(tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path / "sweeps").search().folder
    with pytest.raises(UsageError, match=f"sweeper train {folder.path} makes one"):
        package.load_model(folder.path)
    trained = folder.path / "train" / "1-seed-5"
    trained.mkdir(parents=True)
    (trained / "result.json").write_text(json.dumps({}), encoding="utf-8")
    with pytest.raises(UsageError, match=f"name one that was trained: {trained}"):
        package.load_model(folder.path)


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ([("a", "b")], "[a, b]"),
        ([("a", "b", "c")], "[a, b, c]"),
        (["a", 3], "3"),
        ([None], "nothing"),
        ([[4]], "4"),
    ],
)
def test_rows_of_another_form_are_refused(rows: list[Any], shown: str, tmp_path: Path) -> None:
    folder = keep_random_model(tmp_path / "sweeps")
    with pytest.raises(UsageError) as refusal:
        package.load_model(folder.path).predict(rows)
    assert str(refusal.value) == f"the model takes 1 text in a row, got {shown}"


@pytest.mark.parametrize(("encoder", "threads"), [("gru", 1), ("tiny", 2)])
def test_progress_is_shown_and_a_recurrent_encoder_gets_the_threads_of_its_training(
    encoder: str, threads: int, tmp_path: Path
) -> None:
    classifier = package.load_model(keep_random_model(tmp_path / "sweeps", encoder=encoder).path)
    seen, before = list[tuple[int, int]](), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        classifier.probabilities([["w1"]] * 150, lambda done: seen.append((done, torch.get_num_threads())))
        assert seen == [(64, threads), (128, threads), (150, threads)]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("texts", "shown"), [("w1 w2", "a string"), ("", "a string"), (None, "nothing"), (3, "3")])
def test_what_is_no_list_of_texts_is_refused(texts: Any, shown: str, tmp_path: Path) -> None:
    folder = keep_random_model(tmp_path / "sweeps")
    with pytest.raises(UsageError) as refusal:
        package.load_model(folder.path).predict(texts)
    assert str(refusal.value) == f"predict takes a list of texts, got {shown}; write predict([text])"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "stars,review\n1,good\n2, bad \n"),
        ("a.tsv", "review\nstars\ngood\t1\nbad\t2\n".replace("review\nstars", "review\tstars")),
        ("a.jsonl", '{"review": "good"}\n{"review": "bad"}\n'),
        ("a.json", '[{"review": "good"}, {"review": "bad"}]'),
    ],
)
def test_rows_are_read_as_in_the_training_without_labels(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_rows(tmp_path / name, ["review"], {}, skip_bad_rows=False) == [("good",), ("bad",)]


def test_lines_are_texts_and_pairs_have_a_tab_between_them() -> None:
    assert parse_text_rows("one\r\ntwo\n", ["t"], {"w": "v"}, skip_bad_rows=False) == [("one",), ("tvo",)]
    assert parse_text_rows("a\tb", ["x", "y"], {}, skip_bad_rows=False) == [("a", "b")]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("\n", ["t"], "line 1: no text in t"),
        ("a\n\nb\n", ["t"], "stdin: some rows cannot be used: line 2: no text in t; --skip-bad-rows leaves them out"),
        ("a b", ["x", "y"], "line 1: needs 2 texts with a tab between them, got 1"),
        ("\udcff", ["t"], "line 1: not UTF-8"),
    ],
)
def test_a_line_without_a_text_is_named(text: str, columns: list[str], message: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_text_rows(text, columns, {}, skip_bad_rows=False)
    assert message in str(refusal.value)


def test_a_file_in_another_encoding_has_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("review,stars\ngood,1\ncafé,2\n".encode("latin-1"))
    with pytest.raises(UsageError) as refusal:
        read_rows(tmp_path / "a.csv", ["review"], {}, skip_bad_rows=False)
    assert str(refusal.value).endswith(
        "a.csv:3: not UTF-8; save the file as UTF-8, as iconv -f LATIN1 -t UTF-8 does; --skip-bad-rows leaves them out"
    )


def test_bad_rows_can_be_left_out_and_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("reveiw,stars\ngood,1\n,2\n", encoding="utf-8")
    with pytest.raises(UsageError, match="has no column review, allowed: reveiw, stars; did you mean reveiw"):
        read_rows(tmp_path / "a.csv", ["review"], {}, skip_bad_rows=False)
    assert read_rows(tmp_path / "a.csv", ["reveiw"], {}, skip_bad_rows=True) == [("good",)]
