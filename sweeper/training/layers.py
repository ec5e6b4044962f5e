"""The layers of a pretrained encoder: their learning rates, and the last ones with new weights.

An encoder's layers are the only list of modules in it that is as long as its configuration says. Encoders whose layers
share weights (ALBERT) or stand in several lists (encoder-decoders) have none in this sense.
"""

from collections.abc import Mapping

import torch
from torch import nn

from sweeper.errors import UsageError

_COUNTS = ("num_hidden_layers", "n_layers", "n_layer")  # names of the number of layers in transformers' configurations


class LayersError(UsageError):
    """An encoder lacks the layers that a hyperparameter needs. `rule` is the message without the hyperparameter."""

    def __init__(self, hyperparameter: str, rule: str) -> None:
        super().__init__(f"{hyperparameter}: {rule}")
        self.hyperparameter, self.rule = hyperparameter, rule


def find_layers(encoder: nn.Module) -> nn.ModuleList | None:
    """Return an encoder's layers, first to last, or None if they cannot be told from its other modules."""
    configuration = getattr(encoder, "config", None)
    counts = {getattr(configuration, name) for name in _COUNTS if hasattr(configuration, name)}
    lists = [module for module in encoder.modules() if isinstance(module, nn.ModuleList) and len(module) in counts]
    return lists[0] if len(lists) == 1 else None


def require_layers(encoder: nn.Module, name: str, hyperparameter: str, needed: int = 1) -> nn.ModuleList:
    """Return an encoder's layers. Raises LayersError if they cannot be found, or are fewer than `needed`."""
    layers = find_layers(encoder)
    if layers is None:
        raise LayersError(hyperparameter, f"the layers of {name} cannot be told apart; leave {hyperparameter} out")
    if len(layers) < needed:
        raise LayersError(hyperparameter, f"{name} has {len(layers)} layers, got {needed}; use at most {len(layers)}")
    return layers


def reinitialize_layers(encoder: nn.Module, name: str, count: int) -> None:
    """Give the last `count` layers of an encoder new random weights, as before its pretraining.

    Matrices are drawn from a normal distribution with the standard deviation of the encoder's configuration, biases are
    0, and weights of normalizations are 1. Source: Zhang et al. 2021, "Revisiting Few-sample BERT Fine-tuning", section
    5. Raises UsageError if the encoder's layers cannot be found, or are fewer.
    """
    if not count:
        return
    layers = require_layers(encoder, name, "reinit_layers", count)
    deviation = float(getattr(encoder.config, "initializer_range", 0.02))
    with torch.no_grad():
        for parameter_name, parameter in layers[len(layers) - count :].named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=deviation)
            else:
                parameter.fill_(0.0 if "bias" in parameter_name else 1.0)


def learning_rate_factors(encoder: nn.Module, name: str, layer_decay: float) -> Mapping[str, float]:
    """Return the factor of the learning rate for each of an encoder's parameters, by name.

    It is d^(L - l) in layer l of L, and d^L in the embeddings, below the first layer, for d = `layer_decay`. What comes
    after the layers has 1. Source: Clark et al. 2020, ELECTRA, appendix B. Raises UsageError if d is not 1 and the
    encoder's layers cannot be found.
    """
    names = [parameter_name for parameter_name, _ in encoder.named_parameters()]
    if layer_decay == 1:
        return dict.fromkeys(names, 1.0)
    layers = require_layers(encoder, name, "layer_decay")
    layer_of = {id(parameter): number for number, layer in enumerate(layers, 1) for parameter in layer.parameters()}
    in_layers = [id(parameter) in layer_of for parameter in encoder.parameters()]
    first = in_layers.index(True)
    factors = {}
    for position, (parameter_name, parameter) in enumerate(encoder.named_parameters()):
        is_below = position < first or "embed" in parameter_name  # some encoders list embeddings after their layers
        level = layer_of.get(id(parameter), 0 if is_below else len(layers))
        factors[parameter_name] = layer_decay ** (len(layers) - level)
    return factors
