"""The layers of an encoder: found in every architecture, with their own learning rates, and with new weights."""

from pathlib import Path

import pytest
import torch
from torch import nn

from sweeper.errors import UsageError
from sweeper.training import checkpoint
from sweeper.training.layers import find_layers, learning_rate_factors, reinitialize_layers
from sweeper.training.model import Classifier, build_encoder, check_layers
from sweeper.training.trainer import train
from sweeper.training.types import EncoderWeights
from tests.support import tiny_architectures, tiny_training

SHARED = {"albert"}  # architectures whose layers share their weights


@pytest.mark.parametrize("kind", sorted(tiny_architectures.KINDS.keys() - SHARED))
def test_learning_rates_fall_from_the_last_layer_to_the_embeddings(kind: str) -> None:
    encoder = tiny_architectures.build(kind)
    factors = learning_rate_factors(encoder, kind, 0.5)
    assert factors.keys() == {name for name, _ in encoder.named_parameters()}
    layers = find_layers(encoder)
    assert layers is not None
    names = {id(parameter): name for name, parameter in encoder.named_parameters()}
    for layer, factor in zip(layers, [0.5, 1.0], strict=True):
        assert {factors[names[id(parameter)]] for parameter in layer.parameters()} == {factor}
    embeddings = encoder.get_input_embeddings()
    assert factors[names[id(embeddings.weight)]] == 0.25
    assert all(factors[name] == 0.25 for name in factors if "embed" in name)


def test_layers_that_share_weights_are_refused() -> None:
    encoder = tiny_architectures.build("albert")
    assert set(learning_rate_factors(encoder, "albert", 1.0).values()) == {1.0}
    with pytest.raises(UsageError, match="layer_decay: the layers of albert cannot be told apart"):
        learning_rate_factors(encoder, "albert", 0.9)


def test_an_encoder_that_is_trained_from_scratch_has_no_layers() -> None:
    words = EncoderWeights("gru", {}, {}, 0)
    for hyperparameter in ({"layer_decay": 0.9}, {"reinit_layers": 1}):
        with pytest.raises(UsageError, match=f"{next(iter(hyperparameter))}: the layers of gru"):
            check_layers(words, tiny_training.config(**hyperparameter))


def test_more_new_layers_than_there_are_is_refused() -> None:
    with pytest.raises(UsageError, match="reinit_layers: tiny has 2 layers, got 3; use at most 2"):
        check_layers(tiny_training.encoder(), tiny_training.config(reinit_layers=3))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_only_the_last_layers_get_new_weights(count: int) -> None:
    encoder = tiny_training.encoder()
    module = build_encoder(encoder, tiny_training.config(reinit_layers=count))
    layers = find_layers(module)
    assert layers is not None
    is_new = {
        name: not torch.equal(tensor, torch.from_numpy(encoder.weights[name]))
        for name, tensor in module.state_dict().items()
    }
    new_names = {name for number in range(2 - count, 2) for name in is_new if f"layer.{number}." in name}
    assert {name for name, new in is_new.items() if new} == new_names


def test_new_weights_are_those_before_pretraining() -> None:
    module = build_encoder(tiny_training.encoder(), tiny_training.config())
    module.config.initializer_range = 0.5  # type: ignore[union-attr]
    reinitialize_layers(module, "tiny", 1)
    layer = find_layers(module)[1]  # type: ignore[index]
    weights = dict(layer.named_parameters())
    assert all(not value.any() for name, value in weights.items() if "bias" in name)
    assert all(bool((value == 1).all()) for name, value in weights.items() if "LayerNorm.weight" in name)
    matrices = torch.cat([value.flatten() for value in weights.values() if value.dim() > 1])
    assert matrices.std().item() == pytest.approx(0.5, rel=0.05)


def test_each_layer_moves_by_its_own_learning_rate(tmp_path: Path) -> None:
    """AdamW's first update moves every weight with a gradient by the learning rate."""
    data = tiny_training.data(rows=16)
    config = tiny_training.config(epochs=1, batch_size=16, layer_decay=0.1, weight_decay=0.0, learning_rate=0.01)
    before = Classifier(config, data).encoder.state_dict()
    list(train(config, data, tmp_path / "checkpoint.pt"))
    after = checkpoint.load_checkpoint(tmp_path / "checkpoint.pt")["model"]

    def movement(name: str) -> float:
        return float((after[f"encoder.{name}"] - before[name]).abs().max())

    assert movement("encoder.layer.1.output.dense.weight") == pytest.approx(1e-2, rel=0.01)
    assert movement("encoder.layer.0.output.dense.weight") == pytest.approx(1e-3, rel=0.01)
    assert movement("embeddings.position_embeddings.weight") == pytest.approx(1e-4, rel=0.01)


def test_layers_are_not_guessed() -> None:
    class TwoLists(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.config = type("Config", (), {"num_hidden_layers": 2})()
            self.down = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])
            self.up = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])

    assert find_layers(TwoLists()) is None
