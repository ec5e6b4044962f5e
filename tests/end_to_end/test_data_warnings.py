"""Mistakes in the data are said once at the start, and stay in the results and in the table's notes."""

import json
from pathlib import Path

import pytest

from sweeper.app.run_sweeps import run_sweeps
from sweeper.app.specs import load_spec
from sweeper.errors import SweepFailedError
from sweeper.terminal.output import PlainOutput
from tests.support.run_here import run_here

SPACE = """\
dataset: {train: train.csv, validation: validation.csv, test: test.csv, name: toy}
compare: {encoder: [gru], loss: [ce]}
search: {learning_rate: [1e-2]}
training: {epochs: 1, batch_size: 16, max_length: 3, embedding_size: 8, hidden_size: 8}
budget: {trials: 1}
confirm: {seeds: 1}
"""
LEAK = "25.0% of the test texts (5 of 20) are in train or validation too, so test scores may be too high"
LACKING = 'validation lacks 1 of 3 classes: "Up"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    train = [(f"film {k} good long", "up" if k % 2 else "down") for k in range(40)] + [("odd film", "Up")]
    validation = [(f"play {k}", "up" if k % 2 else "down") for k in range(20)]
    test = [*train[:5], *((f"book {k}", "up" if k % 2 else "down") for k in range(15))]
    for name, rows in (("train", train), ("validation", validation), ("test", test)):
        text = "".join(f"{text},{label}\n" for text, label in rows)
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{text}")
    (tmp_path / "toy.yaml").write_text(SPACE)
    return tmp_path


@pytest.mark.mlflow
def test_warnings_about_the_data_are_said_once_and_kept_with_the_scores(folder: Path) -> None:
    done = run_here(["run", "toy.yaml", "--inline", "--json"], folder)
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stderr.splitlines()]
    assert "41 texts in train, 20 texts in validation, 20 texts in test, 3 classes" in lines
    assert "classes in train: down 20, up 20, Up 1" in lines
    assert "40 of 41 texts in train (97.6%) are longer than 3 tokens of gru, and are cut" in lines
    results = json.loads(done.stdout)
    for warning in results["data_warnings"]:
        assert lines.count(warning) == 1
    assert {LEAK, LACKING} <= set(results["data_warnings"])
    assert results["test_warnings"] == ['test lacks 1 of 3 classes: "Up"', LEAK][::-1]
    assert results["class_counts"]["train"] == {"down": 20, "up": 20, "Up": 1}
    assert LEAK in (folder / "sweeps" / results["sweep"] / "table.md").read_text().replace("\\", "")
    assert LEAK in run_here(["table"], folder).stdout.replace("\\", "")


@pytest.mark.mlflow
def test_hours_that_preparation_takes_up_are_said(folder: Path) -> None:
    spec = load_spec(folder / "toy.yaml", ["budget.hours=1e-9"])
    with pytest.raises(SweepFailedError, match="ended before a trial succeeded: the budget's 1e-09 hours are over"):
        run_sweeps(PlainOutput(), [spec], folder / "sweeps", inline=True)


def test_check_data_ends_with_2_and_a_line_for_what_is_wrong(folder: Path) -> None:
    done = run_here(["check", "--data", "toy.yaml", "--set", "dataset.label=mood"], folder)
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if line] == [
        f"data set toy: {folder / 'train.csv'} needs a column mood, allowed: text, label"
    ]
    assert not (folder / "sweeps").exists()
    nothing = run_here(["check", "--data"], folder)
    assert (nothing.returncode, nothing.stderr) == (2, "--data: name the search spaces whose data is to be checked\n")
