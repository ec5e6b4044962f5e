"""A sweep whose texts have any number of labels, from its files to predictions, and what it refuses."""

import json
import random
from pathlib import Path

import pytest

from tests.support.run_here import run_here

WORDS = {
    "joy": ("happy", "smile", "laugh"),
    "anger": ("angry", "furious", "hate"),
    "fear": ("afraid", "scared", "panic"),
}
SPACE = """\
dataset:
  {name: moods, train: train.jsonl, validation: validation.jsonl, test: test.jsonl, label: moods, task: multi_label}
compare: {encoder: [gru], loss: [ce, scl]}
search: {learning_rate: [1e-2]}
training: {epochs: 8, batch_size: 16, max_length: 16, embedding_size: 32, hidden_size: 32}
objective: {maximize: validation/macro_f1}
budget: {trials: 2}
confirm: {seeds: 2}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = random.Random(0)
    for split, size in (("train", 300), ("validation", 60), ("test", 60)):
        lines = []
        for k in range(size):
            moods = [mood for mood in WORDS if generator.random() < 0.4]
            text = " ".join([f"{split} {k}", *(word for mood in moods for word in generator.sample(WORDS[mood], 2))])
            lines.append(json.dumps({"text": text, "moods": moods}))
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "moods.yaml").write_text(SPACE)
    return tmp_path


@pytest.mark.mlflow
def test_a_sweep_over_texts_with_several_labels_ends_with_a_model_that_predicts_them(folder: Path) -> None:
    done = run_here(["run", "moods.yaml", "--inline", "--json"], folder)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    sweep = folder / "sweeps" / results["sweep"]
    assert results["task"] == "multi_label"
    tested = results["systems"][0]["confirmation"]["seeds"][0]["test"]
    assert {"test/macro_f1", "test/micro_f1", "test/macro_f1_plain", "test/micro_f1_plain"} <= tested.keys()
    assert "accuracy" not in done.stdout
    assert "macro-F1" in (sweep / "table.md").read_text()
    assert "F1 at .5" in (sweep / "report.html").read_text(encoding="utf-8")

    thresholds = json.loads((sweep / "model" / "thresholds.json").read_text())
    predicted = run_here(["predict", str(sweep), "test.jsonl", "--format", "jsonl"], folder)
    assert predicted.returncode == 0, predicted.stderr
    rows = [json.loads(line) for line in predicted.stdout.splitlines()]
    true = [json.loads(line)["moods"] for line in (folder / "test.jsonl").read_text().splitlines()]
    assert sum(sorted(row["labels"]) == sorted(moods) for row, moods in zip(rows, true, strict=True)) > 45
    for row in rows:
        assert row["labels"] == [name for name, p in row["probabilities"].items() if p >= thresholds[name]]

    exported = run_here(["export", str(sweep), "out"], folder)
    assert exported.returncode == 2
    assert "gru is no encoder of transformers" in exported.stderr
    assert "macro-F1" in run_here(["table"], folder).stdout
    by_accuracy = run_here(["table", "--metric", "accuracy"], folder).stdout
    assert "it is no metric of task: multi_label" in by_accuracy
    trained = run_here(["train", str(sweep), "--test", "--json"], folder)
    assert trained.returncode == 0, trained.stderr
    model = json.loads(trained.stdout)
    assert {"accuracy", "confusion"}.isdisjoint(model["test"])
    assert model["test"]["macro_f1"] > 0.7


def test_lists_of_labels_without_the_task_are_refused_with_the_way_out(folder: Path) -> None:
    (folder / "moods.yaml").write_text(SPACE.replace(", task: multi_label", ""))
    done = run_here(["check", "moods.yaml", "--data"], folder)
    assert done.returncode == 2
    assert "is a list, not a label" in done.stderr
    assert "for texts with several labels, set dataset.task: multi_label" in done.stderr
