"""An encoder whose word embeddings are not plain, or have another use, keeps all of them."""

from collections.abc import Sequence

import numpy as np
import pytest
from torch import nn
from transformers import BertForMaskedLM

from sweeper.training.embedding_rows import PartialEmbedding, keep_rows
from tests.support import tiny_architectures


class Shared(nn.Module):
    """An encoder whose output layer has the weights of its word embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 4)
        self.output = nn.Linear(4, 10, bias=False)
        self.output.weight = self.words.weight

    def get_input_embeddings(self) -> nn.Module:
        """Return the word embeddings."""
        return self.words


class Subclass(nn.Embedding):
    """Word embeddings with a forward pass of their own."""


class Simple(nn.Module):
    """An encoder with the word embeddings that it is given."""

    def __init__(self, embeddings: nn.Module | None) -> None:
        super().__init__()
        self.words = embeddings

    def get_input_embeddings(self) -> nn.Module | None:
        """Return the word embeddings."""
        return self.words


UNFIT: Sequence[nn.Module] = (
    Shared(),
    BertForMaskedLM(tiny_architectures.shrink(tiny_architectures.KINDS["bert"])),
    Simple(None),
    Simple(Subclass(10, 4)),
    Simple(nn.Embedding(10, 4, max_norm=1.0)),
    Simple(nn.Embedding(10, 4, sparse=True)),
    Simple(nn.Embedding(10, 4, scale_grad_by_freq=True)),
    Simple(nn.Sequential(nn.Embedding(10, 2), nn.Linear(2, 4))),
    nn.Linear(4, 10),
)


@pytest.mark.parametrize("encoder", UNFIT, ids=lambda encoder: type(encoder).__name__)
def test_an_encoder_with_other_embeddings_is_left_as_it_is(encoder: nn.Module) -> None:
    weights = {name: tensor.numpy() for name, tensor in encoder.state_dict().items()}
    modules = list(encoder.modules())
    assert keep_rows(encoder, weights, np.array([0, 1])) is weights
    assert list(encoder.modules()) == modules
    assert not any(isinstance(module, PartialEmbedding) for module in modules)
