"""The RNN and GRU encoders, trained from scratch (Modarres & Raeisi, section 3.1), with the interface of transformers.

To add an encoder kind: write its `build` function, add an entry to ENCODER_KINDS in registry.py, and test both.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sweeper.training.config import TrainConfig
from sweeper.training.types import EncoderWeights
from sweeper.training.vocabulary import FIRST_WORD, PADDING, UNKNOWN


@dataclass(frozen=True)
class RecurrentConfig:
    """The part of a transformers configuration that the classifier reads: the width of the states."""

    hidden_size: int


@dataclass(frozen=True)
class RecurrentOutput:
    """The state after each word (B, L, D)."""

    last_hidden_state: Tensor


class RecurrentEncoder(nn.Module):
    """Word embeddings, and one recurrent layer over them, from left to right."""

    def __init__(self, config: TrainConfig, layer: type[nn.RNN] | type[nn.GRU]) -> None:
        super().__init__()
        self.config = RecurrentConfig(config.hidden_size)
        self.size = FIRST_WORD + config.vocabulary
        self.embedding = nn.Embedding(self.size, config.embedding_size, padding_idx=PADDING)
        self.layer = layer(config.embedding_size, config.hidden_size, batch_first=True)

    def get_input_embeddings(self) -> nn.Module:
        """Return the word embeddings."""
        return self.embedding

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> RecurrentOutput:
        """Return the states for word numbers and mask (B, L). A word beyond the vocabulary is the unknown word.

        Padding comes after the words, so it changes none of their states. The arithmetic is float32 throughout.
        """
        known_ids = input_ids.where(input_ids < self.size, UNKNOWN)
        with torch.autocast(input_ids.device.type, enabled=False):
            states, _ = self.layer(self.embedding(known_ids))
        return RecurrentOutput(states)


def build_rnn(encoder: EncoderWeights, config: TrainConfig) -> RecurrentEncoder:
    """Return an RNN (tanh) with random weights."""
    return RecurrentEncoder(config, nn.RNN)


def build_gru(encoder: EncoderWeights, config: TrainConfig) -> RecurrentEncoder:
    """Return a GRU with random weights."""
    return RecurrentEncoder(config, nn.GRU)
