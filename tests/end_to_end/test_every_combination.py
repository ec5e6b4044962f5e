"""A sweep through the command with every loss, every hyperparameter and both recurrent encoders."""

import json
import re
from pathlib import Path

import pytest

from sweeper.training.registry import LOSSES
from tests.conftest import REVIEWS, needs
from tests.support.run_here import run_here

pytestmark = pytest.mark.mlflow

NUM_TRIALS = 2 * 2 * len(LOSSES)  # two of each encoder and loss
SPACE = f"""
dataset: feelings
compare:
  encoder: [rnn, gru]
  loss: [{", ".join(LOSSES)}]
search:
  pooling: [cls, mean, flatten]
  classifier: [linear, mlp]
  views: [1, 2]
  weighting: [separate, shared]
  detach_weights: [true, false]
  reduction: [mean, sum]
  normalize: [true, false]
  tau: {{log: [0.05, 10]}}
  alpha: {{uniform: [0.1, 0.9]}}
  freeze_embeddings: [true, false]
  class_weights: [none, balanced]
  label_smoothing: [0, 0.1]
  dropout: [0, 0.3]
  warmup: [0, 0.1]
  vocabulary: [50, 500]
  embedding_size: [8, 16]
  hidden_size: [8, 16]
  contrastive_epochs: [1, 2]
  classifier_learning_rate: [1e-3, 1e-2]
training: {{epochs: 2, max_length: 16, learning_rate: 1e-2, batch_size: 24}}
limit: {{train: 72, validation: 36}}
sampler: random
asha: off
budget: {{trials: {NUM_TRIALS}}}
confirm: {{seeds: 1}}
"""


def test_every_hyperparameter_of_every_system_runs(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    done = run_here(["run", "space.yaml", "--inline", "--json"], tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["num_trials"] == NUM_TRIALS
    assert len(results["systems"]) == 2 * len(LOSSES)
    ends = {outcome for system in results["systems"] for outcome in system["outcomes"]}
    assert ends <= {"completed", "collapsed"}  # so small a network may predict a single class
    for system in results["systems"]:
        used = set(system["best"]["params"])
        assert ("alpha" in used) == (system["system"]["loss"] not in ("ce", "scl_two_phase"))
        assert ("weighting" in used) == system["system"]["loss"].startswith("lcl")
        assert ("contrastive_epochs" in used) == (system["system"]["loss"] == "scl_two_phase")
        assert {"vocabulary", "pooling"} <= used
        (seed,) = system["confirmation"]["seeds"]
        assert 0 <= seed["test"]["test/accuracy"] <= 1


@pytest.mark.hub
def test_custom_dataset_runs_and_its_bad_rows_are_named(tmp_path: Path) -> None:
    needs(REVIEWS)
    for path in REVIEWS.glob("*.jsonl"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    named = "train: train.jsonl, validation: validation.jsonl, test: test.jsonl, text: review, label: sentiment"
    file = tmp_path / "own.yaml"
    file.write_text(
        f"dataset: {{{named}, name: reviews}}\ncompare: {{encoder: [gru], loss: [ce]}}\n"
        "search: {learning_rate: [1e-2]}\nlimit: {train: 400}\nbudget: {trials: 1}\nconfirm: {seeds: 1}\n"
        "training: {epochs: 3, max_length: 32, embedding_size: 32, hidden_size: 64}\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with (tmp_path / "train.jsonl").open("ab") as out:
        out.write(b'{"review": "", "sentiment": "positive (1)"}\n{"review": "\xff"}\n')
    done = run_here(["run", str(file), "--inline"], elsewhere)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "data set reviews: 2 rows cannot be used; correct them, or set on_bad_rows: drop",
        f"{tmp_path / 'train.jsonl'}:1896: not UTF-8",
        f"{tmp_path / 'train.jsonl'}:1895: no text in review",
    ]

    done = run_here(["run", str(file), "--inline", "--json", "--set", "on_bad_rows=drop"], elsewhere)
    assert done.returncode == 0, done.stderr
    assert "2 rows of reviews cannot be used and are dropped" in done.stderr
    assert "1,894" not in done.stderr
    (sizes,) = re.findall(
        r"([\d,]+) texts in train, 235 texts in validation, [\d,]+ texts in test, 6 classes", done.stderr
    )
    assert 395 <= int(sizes) <= 400  # equal texts come together
    results = json.loads(done.stdout)
    assert results["dataset"] == "reviews"
