"""A user's own data set in a search space: the places of its files, its name, its columns, and mistakes in it."""

import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SearchSpaceError
from sweeper.search_space import parser
from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.sweep_spec import SweepSpec
from tests.support.search_spaces import SMALL


def parse(dataset: Any, name: str = "own.yaml") -> SweepSpec:
    return parser.parse_spec(SourceDocument(name, {**SMALL, "dataset": dataset}))


def write_files(folder: Path, content: str = '{"review": "a", "mood": "b"}\n') -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    for number, split in enumerate(("train", "validation")):
        (folder / f"{split}.jsonl").write_text(content * (number + 1))
    return {split: f"{split}.jsonl" for split in ("train", "validation")}


def test_files_are_looked_for_beside_the_search_space_then_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, here = tmp_path / "beside", tmp_path / "here"
    named = write_files(beside)
    here.mkdir()
    monkeypatch.chdir(here)
    assert parse(named, str(beside / "own.yaml")).dataset_spec.files["train"] == str(beside / "train.jsonl")
    write_files(here)
    assert parse(named, str(tmp_path / "elsewhere.yaml")).dataset_spec.files["train"] == str(here / "train.jsonl")


@pytest.mark.parametrize("here", [".", "elsewhere"])
def test_a_folder_is_told_apart_from_a_file_that_is_missing(
    tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tt").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / here)
    with pytest.raises(SearchSpaceError) as caught:
        parse({"train": "tt"}, str(tmp_path / "own.yaml"))
    assert f"dataset.train: is a folder, got {tmp_path / 'tt'}; name a file in it" in str(caught.value)


def test_the_identity_of_a_custom_dataset_does_not_depend_on_its_path(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name / "reviews" for name in "abc")
    spaces = [parse(write_files(a), str(a / "own.yaml")), parse(write_files(b), str(b / "own.yaml"))]
    assert spaces[0].identity == spaces[1].identity
    assert parse(write_files(c, '{"review": "c"}\n'), str(c / "own.yaml")).identity != spaces[0].identity


def test_the_digest_of_a_file_is_that_of_all_its_bytes_and_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"text": "a", "label": "b"}\n' * 300_000)  # 8 MB
    tracemalloc.start()
    digests = CustomDataset(train=str(path)).content_digest["files"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    assert digests == {"train": hashlib.sha256(path.read_bytes()).hexdigest()}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ({"hub": "someone/film-reviews"}, "film_reviews"),
        ({"train": "/data/Film reviews/train.jsonl"}, "Film_reviews"),
        ({"train": "/data/reviews.csv"}, "reviews"),
        ({"train": "/data/reviews.csv", "name": "mine"}, "mine"),
    ],
)
def test_a_custom_dataset_has_a_default_name(written: dict[str, Any], name: str) -> None:
    assert CustomDataset(**written).dataset_spec.name == name


def test_the_default_columns_are_text_and_label(tmp_path: Path) -> None:
    named, place = write_files(tmp_path), str(tmp_path / "own.yaml")
    assert (parse(named, place).dataset_spec.text, parse(named, place).dataset_spec.label) == (("text",), "label")
    pair = parse({**named, "text": ["premise", "claim"], "label": "y"}, place)
    assert (pair.dataset_spec.text, pair.dataset_spec.label) == (("premise", "claim"), "y")


def test_on_bad_rows_is_part_of_the_identity(tmp_path: Path) -> None:
    named, place = write_files(tmp_path), str(tmp_path / "own.yaml")
    refuse = parse(named, place)
    drop = parser.parse_spec(SourceDocument(place, {**SMALL, "dataset": named, "on_bad_rows": "drop"}))
    assert refuse.identity != drop.identity
    assert json.dumps(refuse.identity)


@pytest.mark.parametrize("other", ["train.jsonl", "copy.jsonl", "link.jsonl"])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_same_file_cannot_be_two_splits(tmp_path: Path, other: str, split: str) -> None:
    write_files(tmp_path)
    (tmp_path / "copy.jsonl").write_bytes((tmp_path / "train.jsonl").read_bytes())
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "train.jsonl")
    with pytest.raises(SearchSpaceError) as caught:
        parse({"train": "train.jsonl", split: other}, str(tmp_path / "own.yaml"))
    (line,) = caught.value.lines
    assert f"dataset.{split}: is the same data as train, got {tmp_path / other}; a split must have" in line
