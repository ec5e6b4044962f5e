"""The setup of a training: device, precision, model and loss, made once and shared by all phases."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sweeper.errors import UsageError
from sweeper.training.config import Precision, TrainConfig
from sweeper.training.device import resolve_precision, setup_device
from sweeper.training.dropout import replace_dropout
from sweeper.training.embedding_rows import PartialEmbedding, with_every_token, with_occurring_tokens
from sweeper.training.model import Classifier
from sweeper.training.named_function import load_function
from sweeper.training.training_loss import TrainingLoss, balanced_class_weights
from sweeper.training.types import TokenizedSplit, TrainingData


@dataclass(frozen=True)
class TrainingSetup:
    """The parts that all phases of a training share. `labels` are those of the training split, on the CPU."""

    config: TrainConfig
    data: TrainingData
    split: TokenizedSplit
    labels: Tensor
    device: torch.device
    precision: Precision
    model: Classifier
    loss: TrainingLoss
    batches_per_epoch: int


def prepare_training(
    config: TrainConfig, data: TrainingData, *, all_tokens: bool = False, fast_on_cpu: bool = True
) -> TrainingSetup:
    """Set up device, random seed, model and loss of a training.

    The model has the word embeddings of the tokens in train and validation; with `all_tokens`, for comparison, of all.
    Both give the same numbers. On a CPU, `fast_on_cpu` replaces dropout, attention, the layers of BERT and the gradient
    of embeddings by faster ones; tests switch it off to compare. Raises UsageError if an epoch has fewer batches than
    validations.
    """
    split = data.splits["train"]
    labels = torch.from_numpy(split.labels)
    device = setup_device(config)
    precision = resolve_precision(config.precision, device)
    model = Classifier(config, with_every_token(data) if all_tokens else with_occurring_tokens(data)).to(device)
    if fast_on_cpu and device.type == "cpu":
        speed_up_on_cpu(model, precision)
    class_weights = None
    if config.class_weights == "balanced":
        class_weights = balanced_class_weights(labels, len(data.class_names)).to(device)
    batches_per_epoch = math.ceil(len(split) / config.batch_size)
    if batches_per_epoch < config.validations_per_epoch:
        raise UsageError(
            f"training.validations_per_epoch: an epoch has {batches_per_epoch} batches at batch_size "
            f"{config.batch_size}, got {config.validations_per_epoch}; ask for fewer"
        )
    loss = TrainingLoss(config, class_weights, data.task, model.prototypes)
    return TrainingSetup(config, data, split, labels, device, precision, model, loss, batches_per_epoch)


def speed_up_on_cpu(model: Classifier, precision: Precision) -> None:
    """Replace dropout, attention, the gradient of word embeddings, and layers in bf16, by faster ones for a CPU."""
    replace_dropout(model)
    for module in model.modules():
        if isinstance(module, PartialEmbedding):
            module.keep_gradient()
    for encoder in (model.encoder, model.weighting_encoder):
        if encoder is not None and not model.recurrent:  # this import takes longer than that of torch
            load_function("sweeper.training.attention:use_cpu_attention")(encoder)
            if precision == "bf16":
                load_function("sweeper.training.fused_layer:fuse_layers")(encoder)
