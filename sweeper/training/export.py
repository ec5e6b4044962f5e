"""Export a trained model: the encoder in the format of transformers, the classifier's head beside it.

encoder/                    for AutoModel.from_pretrained; for rnn and gru, recurrent.safetensors and vocabulary.json
classifier.safetensors      output.weight (C, F) and output.bias (C,) on the encoder's features; `mlp` has hidden.* too
labels.json                 the class names, in the order of the rows
adapter/                    with `lora`: the encoder's adapter in the format of peft; encoder/ has it merged
"""

import json
import shutil
from pathlib import Path
from typing import Any

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
from sweeper.training.trained_model import load_full_model
from sweeper.training.types import TrainingData

_RECURRENT = "recurrent.safetensors"


def export_model(checkpoint_path: Path, config: TrainConfig, data: TrainingData, folder: Path) -> None:
    """Write the model of a checkpoint to a folder, in place of an earlier one. `data` needs the training split."""
    model = load_full_model(checkpoint.load_checkpoint(checkpoint_path), config, data)
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


def evaluate_exported(folder: Path, config: TrainConfig, data: TrainingData, split: str) -> dict[str, Any]:
    """Return an exported model's metrics on a split, the class names, and the confusion matrix as lists."""
    model = load_exported(folder, config, data).to(setup_device(config))
    evaluation = evaluate(model, data, split, config)
    confusion = confusion_matrix(data.splits[split].labels, evaluation.predicted_classes, len(data.class_names))
    return {**evaluation.metrics, "labels": list(data.class_names), "confusion": confusion.tolist()}
