"""Export a trained model: the encoder in the format of transformers, the classifier's head beside it.

encoder/                    for AutoModel.from_pretrained; for rnn and gru, recurrent.safetensors and vocabulary.json
classifier.safetensors      output.weight (C, F) and output.bias (C,) on the encoder's features; `mlp` has hidden.* too
labels.json                 the class names, in the order of the rows
thresholds.json             for `task: multi_label`: the probability from which each label is predicted, by class name
adapter/                    with `lora`: the encoder's adapter in the format of peft; encoder/ has it merged
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from sweeper.training import checkpoint
from sweeper.training.config import TrainConfig
from sweeper.training.device import setup_device
from sweeper.training.evaluation import evaluate
from sweeper.training.metrics import confusion_matrix
from sweeper.training.model import Classifier
from sweeper.training.named_function import load_function
from sweeper.training.peft_package import ADAPTER
from sweeper.training.tasks import TASKS, THRESHOLDS
from sweeper.training.trained_model import load_full_model
from sweeper.training.types import TrainingData

_RECURRENT = "recurrent.safetensors"


def write_model(checkpoint_path: Path, config: TrainConfig, data: TrainingData, folder: Path) -> None:
    """Write the model of a checkpoint to a folder, in place of an earlier one. `data` needs the training split."""
    save_model(load_full_model(checkpoint.load_checkpoint(checkpoint_path), config, data), config, data, folder)


def save_model(model: Classifier, config: TrainConfig, data: TrainingData, folder: Path) -> None:
    """Write a model to a folder, in place of an earlier one. With `lora`, its adapter is merged."""
    shutil.rmtree(folder / ADAPTER, ignore_errors=True)
    if config.lora:
        load_function("sweeper.training.adapter:save_adapter")(model.encoder, folder / ADAPTER, data.encoder.name)
        load_function("sweeper.training.adapter:merge_adapter")(model.encoder)
    _save_encoder(model, folder / "encoder")
    head = {name: tensor.contiguous() for name, tensor in model.classifier.state_dict().items()}
    save_file(head, folder / "classifier.safetensors")
    (folder / "labels.json").write_text(json.dumps(list(data.class_names)) + "\n", encoding="utf-8")


def load_exported(folder: Path, config: TrainConfig, data: TrainingData) -> Classifier:
    """Return an exported model in evaluation mode."""
    model = Classifier(config.model_copy(update={"lora": 0}), data)  # the adapter is merged
    if model.recurrent:
        model.encoder.load_state_dict(load_file(folder / "encoder" / _RECURRENT))
    else:
        from transformers import AutoModel  # takes a second, and rnn and gru do without

        model.encoder = AutoModel.from_pretrained(folder / "encoder", dtype=torch.float32)
    model.classifier.load_state_dict(load_file(folder / "classifier.safetensors"))
    return model.eval()


def _save_encoder(model: Classifier, folder: Path) -> None:
    if model.recurrent:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(model.encoder.state_dict(), folder / _RECURRENT)
    else:
        model.encoder.save_pretrained(folder)  # type: ignore[operator]


def save_thresholds(folder: Path, class_names: Sequence[str], thresholds: Sequence[float]) -> None:
    """Write the thresholds (C,) of an exported model that predicts any number of labels."""
    by_name = dict(zip(class_names, thresholds, strict=True))
    (folder / THRESHOLDS).write_text(json.dumps(by_name) + "\n", encoding="utf-8")


def tune_exported(folder: Path, config: TrainConfig, data: TrainingData) -> None:
    """Tune the thresholds of an exported model on validation and write them, if its task has some."""
    if TASKS[data.task].thresholds is not None:
        model = load_exported(folder, config, data).to(setup_device(config))
        thresholds = evaluate(model, data, "validation", config).predictions.thresholds
        assert thresholds is not None
        save_thresholds(folder, data.class_names, thresholds.tolist())


def load_thresholds(folder: Path) -> dict[str, float] | None:
    """Return the thresholds of an exported model by class name; None if it predicts one class."""
    path = folder / THRESHOLDS
    thresholds: dict[str, float] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return thresholds


def evaluate_exported(folder: Path, config: TrainConfig, data: TrainingData, split: str) -> dict[str, Any]:
    """Return an exported model's metrics on a split, the class names, and the confusion matrix as lists.

    A model that predicts any number of labels has no confusion matrix.
    """
    model = load_exported(folder, config, data).to(setup_device(config))
    by_name = load_thresholds(folder)
    if by_name is not None:
        thresholds = np.array([by_name[name] for name in data.class_names])
        return {**evaluate(model, data, split, config, thresholds).metrics, "labels": list(data.class_names)}
    evaluation = evaluate(model, data, split, config)
    confusion = confusion_matrix(data.splits[split].labels, evaluation.predicted_classes, len(data.class_names))
    return {**evaluation.metrics, "labels": list(data.class_names), "confusion": confusion.tolist()}
