"""Writes an exported model as one of the classifiers of transformers, with equal probabilities.

Those classifiers put a dense layer and an activation between the encoder and the output, which our linear head has not.
The dense layer is set so that it passes the logits on: gelu(x) - gelu(-x) = x, relu(x) - relu(-x) = x, and in float32
tanh(2**-20 x) = 2**-20 x. To add an encoder, add an entry to HEADS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from sweeper.data.dataset_spec import Task
from sweeper.errors import UsageError
from sweeper.training.named_function import load_function
from sweeper.training.tasks import TASKS

_SCALE = 2.0**-20  # a power of two, so that multiplying by it is exact


@dataclass(frozen=True)
class Head:
    """The layers between an encoder's first token and the logits, as paths of modules, and the activation."""

    dense: str
    output: str
    activation: Literal["tanh", "gelu", "relu"]


_ROBERTA = Head("classifier.dense", "classifier.out_proj", "tanh")
_DEBERTA = Head("pooler.dense", "classifier", "gelu")

HEADS: Mapping[str, Head] = {
    "bert": Head("bert.pooler.dense", "classifier", "tanh"),
    "albert": Head("albert.pooler", "classifier", "tanh"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "mpnet": _ROBERTA,
    "electra": Head("classifier.dense", "classifier.out_proj", "gelu"),
    "deberta": _DEBERTA,
    "deberta-v2": _DEBERTA,
    "distilbert": Head("pre_classifier", "classifier", "relu"),
}
"""By model_type of transformers."""


def export_classifier(
    folder: Path, labels: Sequence[str], settings: Mapping[str, Any], out: Path, task: Task = "single_label"
) -> None:
    """Write the model that training/export.py wrote to `folder` as a classifier of transformers to `out`.

    `settings` are those of a prediction. Raises UsageError, with the way out, if no such classifier equals the model.
    """
    weights = load_file(folder / "classifier.safetensors")
    head = find_head(folder, labels, settings, is_linear="hidden.weight" not in weights)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # the head is new, and set below
    names = dict(enumerate(labels))
    model = AutoModelForSequenceClassification.from_pretrained(
        folder / "encoder",
        dtype=torch.float32,
        num_labels=len(labels),
        id2label=names,
        label2id={label: number for number, label in names.items()},
        problem_type=TASKS[task].problem_type,
    )
    dense, output = (_tensors(model.get_submodule(path)) for path in (head.dense, head.output))
    with torch.no_grad():
        _fill(dense, output, weights, head.activation)
    model.save_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(folder / "encoder")
    tokenizer.model_max_length = int(settings["max_length"])
    tokenizer.save_pretrained(out)


def find_head(folder: Path, labels: Sequence[str], settings: Mapping[str, Any], *, is_linear: bool) -> Head:
    """Return the head of transformers that can equal a model's. Raises UsageError, with the way out."""
    remedy = "sweeper predict uses the model as it is, and so does mlflow.pyfunc.load_model"
    if settings["encoder"] in ("rnn", "gru") or not (folder / "encoder" / "config.json").exists():
        raise UsageError(f"{folder}: {settings['encoder']} is no encoder of transformers; {remedy}")
    config = AutoConfig.from_pretrained(folder / "encoder")
    head = HEADS.get(config.model_type)
    if head is None:
        raise UsageError(
            f"{folder}: {config.model_type} has no classifier that equals it, allowed: {', '.join(HEADS)}; {remedy}"
        )
    if settings["pooling"] != "cls":
        raise UsageError(
            f"{folder}: pooling {settings['pooling']}, but the classifier of transformers reads the first token; "
            f"{remedy}, or run the sweep with pooling: cls"
        )
    if not is_linear and head.activation != "relu":
        raise UsageError(
            f"{folder}: classifier mlp has ReLU, but {config.model_type} in transformers has {head.activation}; "
            f"{remedy}, or run the sweep with classifier: linear"
        )
    needed = len(labels) * (1 if head.activation == "tanh" or not is_linear else 2)
    if is_linear and needed > config.hidden_size:
        raise UsageError(f"{folder}: {len(labels)} classes are too many for {config.hidden_size} features; {remedy}")
    if getattr(config, "pooler_hidden_act", "gelu") != "gelu":
        raise UsageError(f"{folder}: the activation {config.pooler_hidden_act} of its pooler is not gelu; {remedy}")
    return head


def _tensors(module: torch.nn.Module) -> dict[str, Tensor]:
    return dict(module.named_parameters())


def _fill(dense: Mapping[str, Tensor], output: Mapping[str, Tensor], ours: Mapping[str, Tensor], kind: str) -> None:
    """Set the two layers so that they give the logits of our head."""
    if "hidden.weight" in ours:
        for name in ("weight", "bias"):
            dense[name].copy_(ours[f"hidden.{name}"])
            output[name].copy_(ours[f"output.{name}"])
        return
    for tensor in (*dense.values(), *output.values()):
        tensor.zero_()
    classes = len(ours["output.bias"])
    for part, sign in enumerate((1, -1) if kind != "tanh" else (1,)):
        rows = slice(part * classes, (part + 1) * classes)
        scale = sign * (_SCALE if kind == "tanh" else 1.0)
        dense["weight"][rows] = scale * ours["output.weight"]
        dense["bias"][rows] = scale * ours["output.bias"]
        output["weight"][:, rows] = torch.eye(classes) / scale


@torch.no_grad()
def classifier_probabilities(
    folder: Path, rows: Sequence[Sequence[str]], task: Task = "single_label"
) -> list[list[float]]:
    """Return the probabilities that a classifier of transformers in a folder gives for texts or pairs, in float32."""
    to_probabilities = load_function(TASKS[task].probabilities)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    for row in rows:
        encoding = tokenizer(*row, truncation=True, return_tensors="pt")
        found += to_probabilities(model(**encoding).logits).tolist()
    return found
