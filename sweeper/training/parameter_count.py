"""The number of a model's parameters that a checkpoint holds, counted without building a pretrained encoder."""

import math

import torch

from sweeper.training.config import TrainConfig
from sweeper.training.embedding_rows import searched_tokens
from sweeper.training.model import build_encoder, count_features
from sweeper.training.registry import LOSSES, encoder_kind
from sweeper.training.types import TrainingData


def count_parameters(config: TrainConfig, data: TrainingData) -> int:
    """Return about the number of parameters in a model's checkpoint.

    Of word embeddings, those of the tokens in its splits count; with `lora`, only what is trained. The result is exact
    but for the classifier's biases and a few word embeddings that are kept for alignment.
    """
    is_counted_by_shapes = encoder_kind(config.encoder).is_pretrained and not config.lora
    encoder = _count_pretrained(data) if is_counted_by_shapes else _count_trained(config, data)
    features = feature_width(config, data)
    head = features * (len(data.class_names) + (features if config.classifier == "mlp" else 0))
    loss = LOSSES[config.loss]
    if loss.has_prototypes:
        head += features * len(data.class_names)
    if not loss.has_weighting_network:
        return encoder + head
    return (2 if config.weighting == "separate" else 1) * encoder + 2 * head


def feature_width(config: TrainConfig, data: TrainingData) -> int:
    """Return the size of a text's features."""
    width = data.encoder.width if encoder_kind(config.encoder).is_pretrained else config.hidden_size
    return count_features(config, width)


def _count_trained(config: TrainConfig, data: TrainingData) -> int:
    """Return the number of an encoder's parameters; with `lora`, of those that are trained."""
    with torch.device("meta"):  # shapes alone, without memory
        module = build_encoder(data.encoder, config)
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad or not config.lora)


def _count_pretrained(data: TrainingData) -> int:
    """Return the number of a pretrained encoder's parameters, without the word embeddings that are left out."""
    shapes = [array.shape for array in data.encoder.weights.values()]
    vocabulary = data.encoder.configuration.get("vocab_size")
    rows, width = next((shape for shape in shapes if len(shape) == 2 and shape[0] == vocabulary), (0, 0))
    unused = max(0, rows - len(searched_tokens(data)))
    return sum(map(math.prod, shapes)) - unused * width
