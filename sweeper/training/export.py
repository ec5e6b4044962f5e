"""A trained model that is kept: the encoder in the format of transformers, the classifier's head beside it.

encoder/                    AutoModel.from_pretrained reads it; of rnn and gru, recurrent.safetensors and the words
classifier.safetensors      output.weight (C, F) and output.bias (C,) on the encoder's features, hidden.* before them
labels.json                 the class names, in the order of the rows
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from sweeper.training import checkpoint, device
from sweeper.training.config import TrainConfig
from sweeper.training.evaluation import evaluate
from sweeper.training.metrics import confusion_matrix
from sweeper.training.model import Classifier
from sweeper.training.types import TrainingData

_RECURRENT = "recurrent.safetensors"


def export_model(saved: Path, config: TrainConfig, data: TrainingData, folder: Path) -> None:
    """Write the model of a checkpoint to a folder; what was kept there before is replaced."""
    model = Classifier(config, data)
    model.load_state_dict(checkpoint.load_checkpoint(saved)["model"])
    _save_encoder(model, folder / "encoder")
    head = {name: tensor.contiguous() for name, tensor in model.classifier.state_dict().items()}
    save_file(head, folder / "classifier.safetensors")
    (folder / "labels.json").write_text(json.dumps(list(data.labels)) + "\n", encoding="utf-8")


def load_exported(folder: Path, config: TrainConfig, data: TrainingData) -> Classifier:
    """The kept model, ready to predict."""
    model = Classifier(config, data)
    if model.recurrent:
        model.encoder.load_state_dict(load_file(folder / "encoder" / _RECURRENT))
    else:
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
    """The kept model's figures on a split, and how often each true class (rows) was taken for each (columns)."""
    scored = evaluate(load_exported(folder, config, data).to(device.setup_device(config)), data, split, config)
    counts = confusion_matrix(data.splits[split].labels, scored.predictions, len(data.labels))
    return {**scored.metrics, "labels": list(data.labels), "confusion": counts.tolist()}
