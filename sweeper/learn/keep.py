"""A trained model that is kept: the encoder in the format of transformers, the classifier's head beside it.

encoder/                    AutoModel.from_pretrained reads it
classifier.safetensors      weight (C, D) and bias (C,) on the encoder's [CLS]
labels.json                 the class names, in the order of the rows
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from sweeper.config import TrainConfig
from sweeper.learn import checkpoint
from sweeper.learn.metrics import confusion
from sweeper.learn.model import Classifier
from sweeper.learn.score import score
from sweeper.ports import TrainingData


def keep(saved: Path, config: TrainConfig, data: TrainingData, folder: Path) -> None:
    """Write the model of a checkpoint to a folder; what was kept there before is replaced."""
    model = Classifier(config, data)
    model.load_state_dict(checkpoint.load(saved)["model"])
    model.encoder.save_pretrained(folder / "encoder")  # type: ignore[operator]
    head = {name: tensor.contiguous() for name, tensor in model.classifier[1].state_dict().items()}
    save_file(head, folder / "classifier.safetensors")
    (folder / "labels.json").write_text(json.dumps(list(data.labels)) + "\n", encoding="utf-8")


def load(folder: Path, config: TrainConfig, data: TrainingData) -> Classifier:
    """The kept model, ready to predict."""
    from safetensors.torch import load_file
    from transformers import AutoModel

    model = Classifier(config, data)
    model.encoder = AutoModel.from_pretrained(folder / "encoder", dtype=torch.float32)
    model.classifier[1].load_state_dict(load_file(folder / "classifier.safetensors"))
    return model.eval()


def score_kept(folder: Path, config: TrainConfig, data: TrainingData, split: str) -> dict[str, Any]:
    """The kept model's figures on a split, and how often each true class (rows) was taken for each (columns)."""
    scored = score(load(folder, config, data), data, split, config)
    counts = confusion(data.splits[split].labels, scored.predictions, len(data.labels))
    return {**scored.figures, "labels": list(data.labels), "confusion": counts.tolist()}
