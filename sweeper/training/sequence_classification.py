"""Writes an exported model as a classifier of transformers, with equal probabilities.

A model that no class of transformers computes is written with the code of modeling_pooled_classifier.py.

The classes of transformers put a dense layer and an activation between the encoder and the output, which our linear
head has not. The dense layer is set so that it passes the logits on: gelu(x) - gelu(-x) = x, relu(x) - relu(-x) = x,
and in float32 tanh(2**-20 x) = 2**-20 x. To add an encoder, add an entry to HEADS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from sweeper.data.dataset_spec import Task
from sweeper.errors import UsageError
from sweeper.training.modeling_pooled_classifier import PooledClassifierConfig, PooledForSequenceClassification
from sweeper.training.named_function import load_function
from sweeper.training.tasks import TASKS

OWN_CODE = "modeling_pooled_classifier.py"
"""The file in an exported folder whose model no class of transformers computes."""

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
    folder: Path,
    labels: Sequence[str],
    settings: Mapping[str, Any],
    out: Path,
    task: Task = "single_label",
    dropout: float = 0.0,
) -> None:
    """Write the model that training/export.py wrote to `folder` as a classifier of transformers to `out`.

    If no class of transformers computes it, `out` gets the code that does. `settings` are those of a prediction, and
    `dropout` is that of the head, for further training. Raises UsageError if the encoder is none of transformers.
    """
    build = _build_pooled if find_mismatch(folder, labels, settings) else _build_known
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # the head of a known class is new, and is set afterwards
    model = build(folder, {**settings, "dropout": dropout}, _label_fields(labels, task))
    model.save_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(folder / "encoder")
    tokenizer.model_max_length = int(settings["max_length"])
    tokenizer.padding_side = "right"  # as in the training
    tokenizer.save_pretrained(out)


def find_mismatch(folder: Path, labels: Sequence[str], settings: Mapping[str, Any]) -> str:
    """Return why no class of transformers computes a model, as a clause, or "" if one does.

    Raises UsageError, with the way out, if its encoder is none of transformers.
    """
    if settings["encoder"] in ("rnn", "gru") or not (folder / "encoder" / "config.json").exists():
        raise UsageError(
            f"{folder}: {settings['encoder']} is no encoder of transformers; sweeper predict uses the model as it is, "
            "and so does mlflow.pyfunc.load_model"
        )
    config = AutoConfig.from_pretrained(folder / "encoder")
    with safe_open(folder / "classifier.safetensors", "pt") as weights:
        is_linear = "hidden.weight" not in weights.keys()  # noqa: SIM118 - it is no dictionary
    head = HEADS.get(config.model_type)
    if head is None:
        return f"no classifier of transformers for {config.model_type} equals the model"
    if settings["pooling"] != "cls":
        return f"the classifiers of transformers read the first token, and the model has pooling {settings['pooling']}"
    if not is_linear and head.activation != "relu":
        return f"the classifier of transformers for {config.model_type} has {head.activation}, and the model has ReLU"
    needed = len(labels) * (1 if head.activation == "tanh" or not is_linear else 2)
    if is_linear and needed > config.hidden_size:
        return f"{len(labels)} classes are too many for the classifier of transformers for {config.model_type}"
    if getattr(config, "pooler_hidden_act", "gelu") != "gelu":
        return f"the classifier of transformers for {config.model_type} has {config.pooler_hidden_act}, not gelu"
    return ""


def _label_fields(labels: Sequence[str], task: Task) -> dict[str, Any]:
    """Return what the configuration of a classifier says of its classes."""
    names = dict(enumerate(labels))
    numbers = {label: number for number, label in names.items()}
    return {"id2label": names, "label2id": numbers, "problem_type": TASKS[task].problem_type}


def _build_known(folder: Path, settings: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    """Return the model as a class of transformers."""
    encoder = folder / "encoder"
    model = AutoModelForSequenceClassification.from_pretrained(encoder, dtype=torch.float32, **fields)
    head = HEADS[model.config.model_type]
    dense, output = (_tensors(model.get_submodule(path)) for path in (head.dense, head.output))
    with torch.no_grad():
        _fill(dense, output, load_file(folder / "classifier.safetensors"), head.activation)
    return model


def _build_pooled(folder: Path, settings: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    """Return the model as the class of modeling_pooled_classifier.py, which is saved with it."""
    encoder = AutoModel.from_pretrained(folder / "encoder", dtype=torch.float32)
    weights = load_file(folder / "classifier.safetensors")
    config = PooledClassifierConfig(
        {**encoder.config.to_dict(), "_name_or_path": ""},  # no path of this machine
        settings["pooling"],
        "mlp" if "hidden.weight" in weights else "linear",
        float(settings["dropout"]),
        int(settings["max_length"]),
        **fields,
    )
    model = PooledForSequenceClassification(config)
    model.encoder.load_state_dict(encoder.state_dict())
    model.classifier.load_state_dict(weights)
    return model


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
    has_own_code = (folder / OWN_CODE).exists()
    kind = PooledForSequenceClassification if has_own_code else AutoModelForSequenceClassification
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, config=model.config)  # read again, it would ask to run the code
    probabilities = []
    for row in rows:
        encoding = tokenizer(*row, truncation=True, return_tensors="pt")
        probabilities += to_probabilities(model(**encoding).logits).tolist()
    return probabilities
