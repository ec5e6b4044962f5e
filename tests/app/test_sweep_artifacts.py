"""MLflow gets what is in the sweep's folder, whoever sends it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.app import provenance, sweep_artifacts
from sweeper.atomic_write import write_json
from sweeper.protocol.results import build_results, stored_results
from sweeper.protocol.sweep_results import TrialResult
from sweeper.search_space import parser, yaml_file
from sweeper.storage import predictions
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.training.types import ModelScores, Predictions
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.search_spaces import small_spec

LABELS = ("bad", "good")
FRESH_SEED = TrialResult(
    number=7, system=0, stage="confirm", source_trial=1, params={}, seed=1, attempts=1, outcome=None, score=None,
    epoch=None, epochs=4.0, hours=0.25,
)  # fmt: skip


class FakeTracker:
    """A tracker that remembers what is attached to it."""

    def __init__(self) -> None:
        self.files: dict[int, dict[str, Any]] = {}
        self.usage: dict[str, float] = {}
        self.tags: dict[str, str] = {}
        self.model: Any = None
        self.winner: int | None = None

    def set_winner(self, number: int) -> None:
        self.winner = number

    def attach(self, number: int, files: dict[str, Any]) -> None:
        self.files.setdefault(number, {}).update(files)

    def attach_model(self, number: int, model: Any) -> None:
        self.model = number, model

    def add_usage(self, usage: dict[str, float]) -> None:
        self.usage = usage

    def set_tags(self, tags: dict[str, str]) -> None:
        self.tags |= tags


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    test = {"texts": 4, "digest": "abc"}
    return create_sweep(tmp_path, small_spec(), {"dataset": "c0ffee", "rows": "r"}, 1, LABELS, {"test": test})


def attached(folder: SweepFolder) -> Any:
    tracker: Any = FakeTracker()
    sweep_artifacts.attach_artifacts(tracker, folder, folder.read_spec())
    return tracker


def test_the_stored_search_space_has_all_defaults_and_runs_as_it_is(folder: SweepFolder) -> None:
    spec = small_spec(budget={"trials": 12, "hours": 1.5})  # a larger one than that of the first start
    provenance.write_provenance(spec, folder)
    path = folder.path / "sweep.yaml"
    assert parser.parse_spec(yaml_file.load_yaml(path, ())) == spec
    assert path.read_text(encoding="utf-8").splitlines()[:2] == ["# dataset: c0ffee", "# rows: r"]
    assert provenance.describe_sweep(folder).tags["sweeper.budget"] == "12 trials, 1.5 hours"


def test_one_trial_and_one_seed_are_in_the_singular(tmp_path: Path) -> None:
    one = RecordedSweep(
        tmp_path, compare={"loss": ["ce"], "encoder": ["gru"]}, budget={"trials": 1}, confirm={"seeds": 1}
    )
    tags = provenance.describe_sweep(one.folder).tags
    assert tags["sweeper.budget"] == "1 trial"
    assert tags["sweeper.confirm"] == "1 seed, top 1"


def test_a_sweep_is_described_by_its_search_space_and_splits(folder: SweepFolder) -> None:
    about = provenance.describe_sweep(folder)
    assert about.tags["sweeper.budget"] == "6 trials"
    assert about.params == {
        "dataset": "SetFit/sst5", "objective": "validation/accuracy", "sampler": "tpe",
        "early_stopping": "ASHA, grace_epochs 1, reduction_factor 2", "seed": "0",
    }  # fmt: skip
    test = about.splits["test"]
    assert (test.texts, test.digest, test.kind) == (4, "abc", "hugging_face")
    assert test.source == {"path": "SetFit/sst5", "config_name": None, "revision": "c0ffee", "split": "test"}


def test_the_commit_is_that_of_the_working_folder(
    folder: SweepFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    provenance.write_provenance(small_spec(), folder)
    assert "mlflow.source.git.commit" not in provenance.describe_sweep(folder).tags
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message=begin"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    provenance.write_provenance(small_spec(), folder)
    versions = json.loads((folder.path / "versions.json").read_text())
    assert {"python", "sweeper", "ray", "optuna", "mlflow", "torch", "transformers"} <= set(versions)
    assert versions["commit"] == commit
    assert provenance.describe_sweep(folder).tags["mlflow.source.git.commit"] == commit


def test_a_confirmed_trial_has_its_predictions_and_pictures_of_them(folder: SweepFolder) -> None:
    answers = Predictions(np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [1, 0]], np.float32))
    config = small_spec().train_config({"encoder": "m", "loss": "lcl"}, seed=1, threads=1)
    scored = ModelScores({"test": answers, "validation": answers}, np.eye(2, dtype=np.float32))
    predictions.save_predictions(folder.path, Trial(7, 0, {}, config, 1, 1, 1), LABELS, scored)
    files = attached(folder).files[7]
    assert sorted(files) == [
        "confusion.png", "predictions/test.parquet", "predictions/validation.parquet", "weights.json", "weights.png",
    ]  # fmt: skip
    assert files["predictions/test.parquet"] == folder.path / "predictions" / "7-test.parquet"
    assert files["confusion.png"]().startswith(b"\x89PNG")
    assert files["weights.png"]().startswith(b"\x89PNG")


def test_results_are_attached_only_when_the_sweep_is_finished(folder: SweepFolder) -> None:
    provenance.write_provenance(small_spec(), folder)
    (folder.path / "table.md").write_text("|")
    assert sorted(attached(folder).files[0]) == ["sweep.yaml", "versions.json"]
    results = build_results(small_spec(), folder, [])
    systems = [system.model_copy(update={"epochs": 10.0, "hours": 0.25}) for system in results.systems]
    seeds = [FRESH_SEED, FRESH_SEED.model_copy(update={"number": 8})]  # of a confirmation that is not decided
    changes = {"num_trials": 6, "systems": systems, "trial_results": seeds}
    folder.write_results(results.model_copy(update=changes).to_json())
    found = attached(folder)
    assert list(found.files[0]) == ["sweep.yaml", "versions.json", "table.md", "results.json"]
    assert found.tags == {"sweeper.test_accesses": "0", "mlflow.note.content": "|"}
    assert found.winner is None  # nothing has a score
    assert found.usage == {
        "search/trials": 6, "search/epochs": 20, "search/hours": 0.5,
        "confirm/trials": 2, "confirm/epochs": 8, "confirm/hours": 0.5,
    }  # fmt: skip


def test_the_note_has_the_table_then_the_winner_and_drops_what_is_too_long(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search([Outcome.COMPLETED] * 2).finish()
    (sweep.folder.path / "table.md").write_text("| <b> |\n\nfirst note\n\n" + "long " * 2000)
    found, stored = attached(sweep.folder), stored_results(sweep.folder)
    assert stored is not None
    table, winner, *footnotes = found.tags["mlflow.note.content"].split("\n\n")
    assert (table, footnotes) == ("| <b> |", ["first note"])
    assert winner.startswith("- **winner** ")
    assert found.winner == stored.best_trial


@pytest.mark.mlflow
def test_the_best_model_is_attached_once_it_is_complete(folder: SweepFolder) -> None:
    model = folder.path / "model"
    model.mkdir()
    assert attached(folder).model is None
    write_json(model / "config.json", {"trial": 7, "encoder": "m", "max_length": 32})
    assert attached(folder).model is None
    for name in ("classifier.safetensors", "encoder/model.safetensors"):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).touch()
    (model / "labels.json").write_text('["bad", "good"]', encoding="utf-8")
    number, export = attached(folder).model
    assert (number, export.folder, export.name) == (7, model, folder.name)
    assert export.settings == {"encoder": "m", "max_length": 32, "max_tokens": 128, "texts": 1}
