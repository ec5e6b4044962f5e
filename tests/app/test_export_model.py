"""A model that a class of transformers computes is exported as that class, with the same probabilities."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel, pipeline

import sweeper as package
from sweeper.errors import SweeperError, UsageError
from sweeper.training.sequence_classification import HEADS
from tests.support.cli_runner import sweeper
from tests.support.kept_models import keep_model, keep_random_model
from tests.support.upload_hub import TOKEN, upload_hub

TEXTS = ["w1 w2 w3", "w9", " ".join(f"w{k}" for k in range(60))]


def probabilities(model: Any, texts: list[str], labels: tuple[str, ...]) -> np.ndarray:
    rows = model(texts, truncation=True, top_k=None)
    return np.array([[next(one["score"] for one in row if one["label"] == label) for label in labels] for row in rows])


@pytest.mark.parametrize(
    ("kind", "params"),
    [*((kind, {}) for kind in HEADS if kind != "camembert"), ("distilbert", {"classifier": "mlp"})],
)
def test_the_pipeline_of_transformers_gives_the_same_probabilities(
    kind: str, params: dict[str, Any], tmp_path: Path
) -> None:
    kept = keep_model(tmp_path, kind, **params)
    package.export_model(kept.path, tmp_path / "out")
    model = package.load_model(kept.path)
    expected = model.predict(TEXTS).iloc[:, 1:].to_numpy()
    found = probabilities(pipeline("text-classification", str(tmp_path / "out")), TEXTS, model.labels)
    assert np.abs(found - expected).max() < 1e-5
    assert len(np.unique(expected.round(4), axis=0)) == len(TEXTS)
    assert not list((tmp_path / "out").glob("*.py"))
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "trust_remote_code" not in card
    assert "pipeline_tag: text-classification" in card
    assert "very negative, neutral, positive" in card


def test_a_model_of_several_labels_gives_the_probability_of_each_in_the_pipeline(tmp_path: Path) -> None:
    kept = keep_model(tmp_path, "bert")
    thresholds = {"very negative": 0.0, "neutral": 0.5, "positive": 1.1}
    (kept.path / "model" / "thresholds.json").write_text(json.dumps(thresholds))
    settings = json.loads((kept.path / "model" / "prediction.json").read_text())
    (kept.path / "model" / "prediction.json").write_text(json.dumps({**settings, "task": "multi_label"}))
    package.export_model(kept.path, tmp_path / "out")
    assert AutoConfig.from_pretrained(tmp_path / "out").problem_type == "multi_label_classification"
    assert json.loads((tmp_path / "out" / "thresholds.json").read_text()) == thresholds
    model = package.load_model(kept.path)
    predicted = model.predict(TEXTS)
    expected = predicted.iloc[:, 1:].to_numpy()
    found = probabilities(pipeline("text-classification", str(tmp_path / "out")), TEXTS, model.labels)
    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(expected.sum(axis=1) - 1).max() > 0.01  # not those of one label
    assert [labels[0] for labels in predicted["labels"]] == ["very negative"] * 3
    assert all(
        ("neutral" in labels) == (p >= 0.5) for labels, p in zip(predicted["labels"], expected[:, 1], strict=True)
    )
    assert "thresholds.json" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    (kept.path / "model" / "thresholds.json").write_text('{"neutral": 0.5}')
    with pytest.raises(UsageError, match="has no threshold of very negative"):
        package.export_model(kept.path, tmp_path / "again")


def test_rnn_and_gru_are_no_encoders_of_transformers(tmp_path: Path) -> None:
    kept = keep_random_model(tmp_path / "sweeps", encoder="gru")
    with pytest.raises(UsageError, match="gru is no encoder of transformers; sweeper predict uses the model as it is"):
        package.export_model(kept.path, tmp_path / "out")


def test_a_folder_with_files_is_not_written_over(tmp_path: Path) -> None:
    kept = keep_random_model(tmp_path / "sweeps")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(UsageError, match="has files; name a new folder"):
        package.export_model(kept.path, tmp_path / "out")


def test_a_hub_that_does_not_answer_leaves_the_folder(tmp_path: Path) -> None:
    kept = keep_model(tmp_path, "bert")
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": TOKEN}
    pushed = sweeper("export", str(kept.path), "out", "--push", "lab/moods", cwd=tmp_path, extra=hub)
    assert pushed.returncode == 1
    assert "--push lab/moods: the hub does not take the model (" in pushed.stderr
    assert "Connection refused" in pushed.stderr
    assert "Traceback" not in pushed.stderr
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").config.num_labels == 3


@pytest.mark.slow
def test_a_pushed_model_is_on_the_hub_file_by_file(tmp_path: Path) -> None:
    kept = keep_model(tmp_path, "bert")
    with upload_hub() as hub:
        environment = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
        words = ("export", str(kept.path), "out", "--push", "lab/moods")
        pushed = sweeper(*words, cwd=tmp_path, extra=environment)
        assert pushed.returncode == 0, pushed.stderr
        assert f"hub:    {hub.address}/lab/moods" in pushed.stdout
        files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        assert hub.models == {"lab/moods": files}
        assert "model.safetensors" in files
        refused = sweeper(*words[:2], "other", *words[3:], cwd=tmp_path, extra={**environment, "HF_TOKEN": "hf_old"})
    assert refused.returncode == 1
    assert "--push lab/moods: the hub does not take the model (" in refused.stderr
    assert "401" in refused.stderr
    assert (tmp_path / "other" / "model.safetensors").exists()


def test_an_adapter_is_exported_alone_for_peft(tmp_path: Path) -> None:
    kept = keep_random_model(tmp_path / "sweeps", lora=4, pooling="mean")
    package.export_model(kept.path, tmp_path / "out", adapter=True)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "classifier.safetensors", "labels.json"
    }  # fmt: skip
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (4, 8, "tiny")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "library_name: peft" in card
    assert 'AutoModel.from_pretrained("tiny")' in card


def test_a_model_without_an_adapter_has_none_to_export(tmp_path: Path) -> None:
    kept = keep_random_model(tmp_path / "sweeps")
    with pytest.raises(UsageError, match=r"--adapter: .*/model: has no adapter, because it was trained without lora"):
        package.export_model(kept.path, tmp_path / "out", adapter=True)
    assert not (tmp_path / "out").exists()


def test_a_model_that_would_give_other_probabilities_is_not_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One weight of the classifier is altered on its way to the disk."""
    kept = keep_model(tmp_path, "bert")
    save = PreTrainedModel.save_pretrained

    def save_altered(model: Any, folder: Path) -> None:
        with torch.no_grad():
            model.classifier.bias[1] += 0.01
        save(model, folder)

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", save_altered)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SweeperError, match=r"transformers would give other probabilities \(by up to 0\.00"):
        package.export_model(kept.path, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before
