"""An exported model gives the same metrics as the trained one, in files that others can read."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel

from sweeper.training import batching, checkpoint, export
from sweeper.training.evaluation import evaluate
from sweeper.training.trained_model import build_trained_model
from sweeper.training.trainer import train
from sweeper.training.types import TrainingData, ValidationReport
from tests.support import tiny_training


@pytest.fixture(params=["ce", "lcl"])
def trained(
    request: pytest.FixtureRequest, tmp_path: Path, data: TrainingData
) -> Iterator[tuple[Path, ValidationReport, str]]:
    """A folder with the model of the fifth report of six, that report, and the loss."""
    config = tiny_training.config(loss=request.param, epochs=6)
    reports = train(config, data, tmp_path / "checkpoint.pt")
    *_, best = islice(reports, 5)
    export.write_model(tmp_path / "checkpoint.pt", config, data, tmp_path / "exported")
    next(reports)
    yield tmp_path / "exported", best, request.param
    reports.close()


def validation_metrics(report: ValidationReport) -> dict[str, float]:
    return {k.removeprefix("validation/"): v for k, v in report.metrics.items() if k.startswith("validation/")}


def test_an_exported_model_scores_as_it_did_in_training(
    trained: tuple[Path, ValidationReport, str], data: TrainingData
) -> None:
    folder, best, loss = trained
    metrics = export.evaluate_exported(folder, tiny_training.config(loss=loss), data, "validation")
    expected = validation_metrics(best)
    assert expected["largest_class"] < 1
    assert {name: metrics[name] for name in expected} == expected


def test_an_exported_model_scores_another_split_as_the_model_itself_does(tmp_path: Path, data: TrainingData) -> None:
    config, checkpoint_path = tiny_training.config(epochs=5), tmp_path / "checkpoint.pt"
    list(train(config, data, checkpoint_path))
    export.write_model(checkpoint_path, config, data, tmp_path / "exported")
    model = build_trained_model(checkpoint.load_checkpoint(checkpoint_path), config, data)
    evaluation = evaluate(model, data, "test", config)
    metrics = export.evaluate_exported(tmp_path / "exported", config, data, "test")
    assert {name: metrics[name] for name in evaluation.metrics} == evaluation.metrics
    assert metrics["labels"] == list(data.class_names)
    pairs = Counter(zip(data.splits["test"].labels.tolist(), evaluation.predicted_classes.tolist(), strict=True))
    assert metrics["confusion"] == [[pairs[true, predicted] for predicted in range(3)] for true in range(3)]


def test_the_exported_files_are_those_documented(
    trained: tuple[Path, ValidationReport, str], data: TrainingData
) -> None:
    folder, _, _ = trained
    assert {path.name for path in folder.iterdir()} == {"encoder", "classifier.safetensors", "labels.json"}
    assert {"config.json", "model.safetensors"} <= {path.name for path in (folder / "encoder").iterdir()}
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(folder / "classifier.safetensors").items()}
    assert shapes == {"output.weight": (3, 32), "output.bias": (3,)}
    assert json.loads((folder / "labels.json").read_text(encoding="utf-8")) == list(data.class_names)


def test_transformers_alone_gives_the_same_accuracy(
    trained: tuple[Path, ValidationReport, str], data: TrainingData
) -> None:
    folder, best, _ = trained
    split = data.splits["validation"]
    batch = batching.collate(split, next(batching.sorted_batches(split, len(split))), 32, 0)
    encoder, head = AutoModel.from_pretrained(folder / "encoder").eval(), load_file(folder / "classifier.safetensors")
    with torch.no_grad():
        features = encoder(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state[:, 0]
    logits = features @ head["output.weight"].T + head["output.bias"]
    accuracy = (logits.argmax(dim=1) == batch.labels).double().mean().item()
    assert accuracy == best.metrics["validation/accuracy"]


def test_a_later_export_replaces_an_earlier_one(tmp_path: Path, data: TrainingData) -> None:
    config, checkpoint_path = tiny_training.config(epochs=3), tmp_path / "checkpoint.pt"
    for report in train(config, data, checkpoint_path):
        export.write_model(checkpoint_path, config, data, tmp_path / "exported")
        metrics = export.evaluate_exported(tmp_path / "exported", config, data, "validation")
        assert metrics["loss"] == report.metrics["validation/loss"]


def test_exporting_does_not_change_the_training(tmp_path: Path, data: TrainingData) -> None:
    config, checkpoint_path = tiny_training.config(epochs=3), tmp_path / "checkpoint.pt"
    exported_run = []
    for report in train(config, data, checkpoint_path):
        exported_run.append(report)
        export.write_model(checkpoint_path, config, data, tmp_path / "exported")
    assert tiny_training.without_timing(exported_run) == tiny_training.without_timing(train(config, data, None))
