"""From a csv of the user's own to predictions: new, run and predict, one command after the other."""

import csv
import random
from pathlib import Path

import pytest

from tests.support.cli_runner import sweeper

WORDS = {
    "praise": ("good", "great", "lovely"),
    "blame": ("poor", "awful", "broken"),
    "question": ("when", "how", "why"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with messages.csv, whose labels follow from the words of the texts, and two texts without one."""
    generator = random.Random(0)
    labels = [generator.choice(list(WORDS)) for _ in range(400)]
    rows = [(f"note {k} is {' and '.join(generator.sample(WORDS[label], 2))}", label) for k, label in enumerate(labels)]
    with (tmp_path / "messages.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("message", "kind"), *rows])
    (tmp_path / "later.csv").write_text(
        "message\nthis one is lovely and good\nall broken and awful\n", encoding="utf-8"
    )
    return tmp_path


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.mlflow
def test_own_rows_become_a_confirmed_table_and_a_model_that_predicts(folder: Path) -> None:
    made = sweeper("new", "messages.csv", "--yes", "--encoder", "gru", cwd=folder)
    assert made.returncode == 0, made.stderr
    assert "sweeper run messages.yaml" in made.stdout

    small = ("budget.trials=4", "confirm.seeds=2", "training.epochs=4", "limit.train=240")
    done = sweeper("run", "messages.yaml", *(word for key in small for word in ("--set", key)), cwd=folder)
    assert done.returncode == 0, done.stderr
    (sweep,) = (path.parent for path in folder.glob("sweeps/*/results.json"))
    table = (sweep / "table.md").read_text(encoding="utf-8")
    assert "| gru " in table
    assert "(2; 2)" in table  # two fresh seeds and two trials of each loss

    predicted = sweeper("predict", f"sweeps/{sweep.name}", "later.csv", "--out", "answers.csv", cwd=folder)
    assert predicted.returncode == 0, predicted.stderr
    with (folder / "answers.csv").open(encoding="utf-8", newline="") as file:
        answers = list(csv.DictReader(file))
    assert [answer["message"] for answer in answers] == ["this one is lovely and good", "all broken and awful"]
    assert [answer["label"] for answer in answers] == ["praise", "blame"]
