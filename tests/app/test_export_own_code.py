"""A model that no class of transformers computes is exported with its code, and predicts the same without sweeper."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import sweeper as package
from sweeper.app.export_model import describe_own_code
from sweeper.app.kept_model import find_model
from sweeper.training import modeling_pooled_classifier
from tests.support.cli_runner import sweeper
from tests.support.kept_models import keep_model, keep_random_model
from tests.support.upload_hub import TOKEN, upload_hub

CODE = Path(modeling_pooled_classifier.__file__)
TEXTS = ["w1 w2 w3", "w9", "", " ".join(f"w{k}" for k in range(60))]
PAIRS = [["w1 w2 w3", "w4"], ["w9", "w5"], ["", "w7 w8"], [TEXTS[-1], "w1"]]
MODELS: dict[str, dict[str, Any]] = {
    "mean": {"kind": "bert", "pooling": "mean"},
    "mean mlp": {"kind": "distilbert", "pooling": "mean", "classifier": "mlp"},
    "mlp": {"kind": "bert", "classifier": "mlp"},
    "flatten": {"kind": "electra", "pooling": "flatten", "max_length": 16},
    "other encoder": {"kind": "modernbert"},
    "adapter": {"lora": 4, "pooling": "mean", "precision": "float32"},
    "pairs": {"kind": "bert", "pooling": "mean", "pairs": True, "max_length": 9},
    "several labels": {"kind": "bert", "pooling": "mean"},
}
ALONE = """
import json, shutil, sys
sys.modules["sweeper"] = sys.modules["tests"] = None
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

def scores(folder, rows):
    classify = pipeline("text-classification", folder, trust_remote_code=True, top_k=None)
    singly = [classify([row], truncation=True)[0] for row in rows]
    return singly, classify(rows, truncation=True, batch_size=len(rows))

found = {}
for name, rows in json.load(sys.stdin).items():
    folder = sys.argv[1] + "/" + name
    inputs = [{"text": row[0], "text_pair": row[1]} if isinstance(row, list) else row for row in rows]
    singly, together = scores(folder, inputs)
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
    model.save_pretrained(folder + " again")
    AutoTokenizer.from_pretrained(folder, trust_remote_code=True).save_pretrained(folder + " again")
    shutil.rmtree(folder)
    again, _ = scores(folder + " again", inputs)
    found[name] = {"singly": singly, "together": together, "again": again, "problem": model.config.problem_type}
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Exported:
    """An exported model: sweeper's probabilities (N, C), what the folder had, and what transformers made of it."""

    labels: tuple[str, ...]
    expected: NDArray[np.float64]
    files: dict[str, bytes]
    found: dict[str, Any]

    def probabilities(self, key: str) -> NDArray[np.float64]:
        rows = [{one["label"]: one["score"] for one in row} for row in self.found[key]]
        return np.array([[row[label] for label in self.labels] for row in rows])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    """Export each model, and let transformers use all of them in one process without sweeper."""
    folder = tmp_path_factory.mktemp("exported")
    expected, labels, files = {}, {}, {}
    for name, params in MODELS.items():
        place = folder / "kept" / name
        place.mkdir(parents=True)
        kept = keep_model(place, **params) if "kind" in params else keep_random_model(place / "sweeps", **params)
        if name == "several labels":
            predict_several_labels(kept.path / "model")
        package.export_model(kept.path, folder / name)
        model = package.load_model(kept.path)
        rows: Any = PAIRS if params.get("pairs") else TEXTS
        expected[name], labels[name] = model.predict(rows).iloc[:, 1:].to_numpy(float), model.labels
        files[name] = {path.name: path.read_bytes() for path in (folder / name).iterdir()}
    found = results_without_sweeper(folder)
    return {name: Exported(labels[name], expected[name], files[name], found[name]) for name in MODELS}


def predict_several_labels(model: Path) -> None:
    thresholds = {"very negative": 0.0, "neutral": 0.5, "positive": 1.1}
    (model / "thresholds.json").write_text(json.dumps(thresholds))
    settings = json.loads((model / "prediction.json").read_text())
    (model / "prediction.json").write_text(json.dumps({**settings, "task": "multi_label"}))


def results_without_sweeper(folder: Path) -> dict[str, Any]:
    rows = {name: PAIRS if params.get("pairs") else TEXTS for name, params in MODELS.items()}
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(folder)],
        input=json.dumps(rows), capture_output=True, text=True, cwd=folder, timeout=300, check=False,
        env={**os.environ, "HF_MODULES_CACHE": str(folder / "modules"), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "not supported" not in done.stderr
    assert "newly initialized" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", MODELS)
def test_transformers_gives_the_probabilities_of_sweeper(name: str, exported: dict[str, Exported]) -> None:
    model = exported[name]
    assert np.abs(model.probabilities("singly") - model.expected).max() < 1e-6
    assert np.abs(model.probabilities("together") - model.expected).max() < 1e-6
    assert len(np.unique(model.expected.round(5), axis=0)) == len(TEXTS)


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_is_saved_with_its_code(name: str, exported: dict[str, Exported]) -> None:
    model = exported[name]
    assert model.found["again"] == model.found["singly"]


@pytest.mark.parametrize("name", MODELS)
def test_the_folder_has_the_code_and_its_card_names_it(name: str, exported: dict[str, Exported]) -> None:
    files = exported[name].files
    assert files[CODE.name] == CODE.read_bytes()
    card = files["README.md"].decode()
    assert "trust_remote_code=True)\n" in card
    assert f"The folder has code of its own, {CODE.name}, because" in card
    assert str(Path.home()) not in files["config.json"].decode()
    assert "/kept/" not in files["config.json"].decode()


def test_the_problem_type_is_that_of_the_task(exported: dict[str, Exported]) -> None:
    problems = {name: model.found["problem"] for name, model in exported.items()}
    several = problems.pop("several labels")
    assert (several, set(problems.values())) == ("multi_label_classification", {"single_label_classification"})
    assert "thresholds.json" in exported["several labels"].files


@pytest.mark.parametrize(
    ("kind", "params", "reason"),
    [
        ("bert", {"pooling": "mean"}, "because the classifiers of transformers read the first token, and the model has "
         "pooling mean; transformers runs it with trust_remote_code=True"),
        ("bert", {"classifier": "mlp"}, "the classifier of transformers for bert has tanh, and the model has ReLU"),
        ("xlm", {}, "no classifier of transformers for xlm equals the model"),
        ("bert", {}, ""),
    ],
)  # fmt: skip
def test_the_reason_for_the_code_is_named(kind: str, params: dict[str, Any], reason: str, tmp_path: Path) -> None:
    kept = keep_model(tmp_path, kind, **params)
    note = describe_own_code(find_model(kept.path, tmp_path))
    assert reason in note
    assert bool(note) == bool(reason)


@pytest.mark.slow
def test_the_command_says_how_to_load_the_folder_and_pushes_its_code(tmp_path: Path) -> None:
    kept = keep_model(tmp_path, "bert", pooling="mean")
    with upload_hub() as hub:
        variables = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
        done = sweeper("export", str(kept.path), "out", "--push", "lab/moods", cwd=tmp_path, extra=variables)
        files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        assert hub.models == {"lab/moods": files}
    assert files[CODE.name] == CODE.read_bytes()
    assert done.returncode == 0, done.stderr
    assert (
        "use it: transformers.pipeline('text-classification', model='out', top_k=None, trust_remote_code=True)"
        "('a text', truncation=True)"
    ) in done.stdout
    assert "note:   the folder has code of its own, modeling_pooled_classifier.py, because" in done.stdout
