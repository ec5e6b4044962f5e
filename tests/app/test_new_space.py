"""`sweeper new` finds columns, splits without parting equal texts, and writes a search space that can be run."""

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import sweeper
from sweeper.app.new_encoder import ProposedEncoder
from sweeper.app.new_settings import Machine, propose_settings
from sweeper.data.data_summary import describe_lengths
from sweeper.errors import UsageError
from tests.support.cli_runner import sweeper as command
from tests.support.run_here import run_here

_WORDS = ["the", "film", "was", "not", "good", "and", "we", "have", "seen", "better", "actors", "from", "another"]


def sentence(number: int, length: int = 8) -> str:
    return " ".join(_WORDS[(number * (k + 3) + k) % len(_WORDS)] for k in range(length)) + f" {number}"


def write_csv(path: Path, names: Sequence[str], rows: Sequence[Sequence[object]], separator: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(names)
        writer.writerows(rows)
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def make(path: Path) -> sweeper.NewSpace:
    return sweeper.new(path, out=path.with_suffix(".yaml"), encoder="gru")


def test_a_single_file_is_split_by_class_and_equal_texts_stay_together(tmp_path: Path) -> None:
    rows = [(sentence(k % 150), f"class {k % 3}") for k in range(300)]  # each text twice
    space = make(write_csv(tmp_path / "a.csv", ("text", "label"), rows))
    splits = {split: read_rows(path) for split, path in space.splits.items()}
    assert {split: len(part) for split, part in splits.items()} == space.summary.rows
    assert sum(space.summary.rows.values()) == 300
    assert space.summary.repeated_rows == 150
    texts = [{row["text"] for row in part} for part in splits.values()]
    assert not texts[0] & texts[1] | texts[0] & texts[2] | texts[1] & texts[2]
    for part in splits.values():
        assert max(Counter(row["label"] for row in part).values()) <= len(part) / 3 + 2


@pytest.mark.parametrize("labels", [["yes", "no", "null", "1", "😀"], ["- a: b", "# c", "'d'"], ['"', "\\", "x\ny"]])
@pytest.mark.parametrize("columns", [("text", "label"), ("off", "~"), ("a: b", "#1"), ("متن", 'the "label"')])
def test_names_that_mean_something_in_yaml_stay_names(
    labels: list[str], columns: tuple[str, str], tmp_path: Path
) -> None:
    rows = [(sentence(k), labels[k % len(labels)]) for k in range(120)]
    space = make(write_csv(tmp_path / "1.csv", columns, rows))
    dataset = space.spec.dataset_spec
    assert (dataset.text, dataset.label) == ((columns[0],), columns[1])
    assert set(space.summary.classes["test"]) == set(labels)
    assert {row[columns[1]] for row in read_rows(space.splits["train"])} == set(labels)
    assert space.path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=")


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        (("id", "review", "stars"), ("review",), "stars"),
        (("class", "id", "kommentar"), ("kommentar",), "class"),
        (("premise", "hypothesis", "gold_label"), ("premise", "hypothesis"), "gold_label"),
        (("sentence1", "sentence2", "x"), ("sentence1", "sentence2"), "x"),
        (("title", "body", "topic"), ("title", "body"), "topic"),
        (("text", "explanation", "y"), ("text",), "y"),
    ],
)
def test_columns_are_found_by_names_and_values(
    columns: Sequence[str], text: tuple[str, ...], label: str, tmp_path: Path
) -> None:
    texts = set(text) | {"explanation"}

    def value(column: str, k: int) -> object:
        return sentence(k + len(column)) if column in texts else k if column == "id" else k % 4

    rows = [[value(column, k) for column in columns] for k in range(100)]
    space = make(write_csv(tmp_path / "a.tsv", columns, rows, "\t"))
    assert (space.summary.text, space.summary.label) == (text, label)


def test_files_of_splits_are_used_as_they_are(tmp_path: Path) -> None:
    for split, size in (("train", 80), ("dev", 20), ("test", 20)):
        write_csv(
            tmp_path / f"{split}.csv",
            ("text", "label"),
            [(sentence(k + len(split) * size), k % 2) for k in range(size)],
        )
    space = sweeper.new(tmp_path, out=tmp_path / "own.yaml", encoder="gru")
    assert space.summary.rows == {"train": 80, "validation": 20, "test": 20}
    assert dict(space.spec.dataset_spec.files) == {
        split: str(tmp_path / f"{name}.csv")
        for split, name in (("train", "train"), ("validation", "dev"), ("test", "test"))
    }


def test_conflicts_and_bad_rows_are_counted_and_left_out(tmp_path: Path) -> None:
    rows = [(sentence(k), k % 2) for k in range(90)] + [(sentence(0), 1), ("", 1), (sentence(200), "")]
    space = make(write_csv(tmp_path / "a.csv", ("text", "label"), rows))
    assert (space.summary.conflicting_texts, space.summary.bad_rows, sum(space.summary.rows.values())) == (1, 2, 91)


def test_test_rows_of_a_class_that_train_lacks_are_named_as_that(tmp_path: Path) -> None:
    for split, size, classes in (("train", 80, 2), ("test", 30, 3)):
        rows = [(sentence(k + len(split) * size), k % classes) for k in range(size)]
        write_csv(tmp_path / f"{split}.csv", ("text", "label"), [*rows, ("", 1)])
    space = sweeper.new(tmp_path, out=tmp_path / "own.yaml", encoder="gru")
    reasons = (
        "1 row of train: its text is missing or cannot be used; 1 row of test: its text is missing or cannot be used; "
        "10 rows of test: they have a label that train lacks"
    )
    assert f"on_bad_rows: drop  # {reasons}\n" in (tmp_path / "own.yaml").read_text(encoding="utf-8")
    assert "10 of 31 test rows are left out: they have a label that train lacks" in space.summary.warnings


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ("text", "label"), [(sentence(k), k % 2) for k in range(60)])
    make(path)
    written = (tmp_path / "a.yaml").read_bytes()
    with pytest.raises(UsageError, match="is not overwritten"):
        make(path)
    (tmp_path / "a.yaml").rename(tmp_path / "b.yaml")
    with pytest.raises(UsageError, match="a_splits: is there already"):
        make(path)
    assert (tmp_path / "b.yaml").read_bytes() == written


def test_splits_with_the_same_rows_are_refused_and_leave_no_file(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        write_csv(tmp_path / f"{split}.csv", ("text", "label"), [(sentence(k), k % 2) for k in range(60)])
    with pytest.raises(UsageError, match="is the same data as"):
        sweeper.new(tmp_path, out=tmp_path / "own.yaml", encoder="gru")
    assert not (tmp_path / "own.yaml").exists()


def test_the_command_asks_nothing_without_a_terminal_and_names_what_it_wrote(tmp_path: Path) -> None:
    rows = [(sentence(k), "ab"[k % 2], "cde"[k % 3]) for k in range(90)]
    write_csv(tmp_path / "a b.csv", ("comment", "team", "shift"), rows)
    done = run_here(["new", "a b.csv", "--encoder", "gru"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "90 rows, 3 classes; text in comment, label in shift" in done.stdout
    assert "sweeper run a_b.yaml" in done.stdout
    assert run_here(["check", "a_b.yaml"], tmp_path).returncode == 0
    assert run_here(["new", "a b.csv"], tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("machine", "rows", "limited"), [((2, 0), 240_000, True), ((2, 0), 140, False), ((16, 1), 8_000, False)]
)
def test_settings_suit_rows_and_machine(machine: tuple[int, int], rows: int, limited: bool) -> None:
    lengths = describe_lengths(np.arange(1, 101, dtype=np.int32), "tokens", "bert")
    settings = propose_settings(
        {"train": rows, "validation": 2_000}, 60, ProposedEncoder("bert", lengths, 512), Machine(*machine)
    )
    assert (settings.train_limit is not None) == limited
    assert settings.max_length == 96
    assert settings.train_limit is None or settings.train_limit >= 60 * 12
    assert 3 <= settings.epochs <= 10


@pytest.mark.parametrize("rows", [40, 300])
def test_a_space_with_minilm_first_tries_a_setting_that_was_good_elsewhere(rows: int, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ("text", "label"), [(sentence(k), f"class {k % 2}") for k in range(rows)])
    spec = sweeper.new(path, out=tmp_path / "a.yaml", encoder="sentence-transformers/all-MiniLM-L6-v2").spec
    for system, values in enumerate(spec.systems):
        (first,) = spec.initial_settings(system)
        assert first.items() >= {"batch_size": 16, "learning_rate": 3e-4}.items()
        assert ("alpha" in first, "tau" in first) == (values["loss"] != "ce",) * 2


@pytest.mark.hub
def test_a_data_set_of_the_hub_becomes_a_space_that_runs_as_it_stands(tmp_path: Path, hub: dict[str, str]) -> None:
    done = command("new", "--hub", "SetFit/sst5", "--encoder", "gru", "--yes", cwd=tmp_path, extra=hub)
    assert done.returncode == 0, done.stderr
    assert "SetFit/sst5: 11,855 rows, 5 classes; text in text, label in label_text" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["sst5.yaml"]  # the rows stay on the hub
    written = (tmp_path / "sst5.yaml").read_text()
    assert "  hub: SetFit/sst5\n" in written
    checked = command("check", "sst5.yaml", "--data", cwd=tmp_path, extra=hub)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.hub
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "SetFit/nothing",
            r"data set: http://\S+ has no SetFit/nothing; see its page, or set HF_TOKEN if .*",
        ),
        (
            "google-research-datasets/go_emotions",
            r".*: the column labels holds lists .*; write one label of each row there as a word",
        ),
    ],
)
def test_a_data_set_of_the_hub_that_does_not_do_is_one_line(
    tmp_path: Path, hub: dict[str, str], name: str, message: str
) -> None:
    done = command("new", "--hub", name, "--yes", cwd=tmp_path, extra=hub)
    assert done.returncode == 2
    assert re.fullmatch(message, done.stderr.strip())
    assert list(tmp_path.iterdir()) == []
