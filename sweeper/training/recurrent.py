"""The RNN and GRU encoders, trained from scratch (Modarres & Raeisi, section 3.1), in the manner of transformers."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sweeper.training.config import TrainConfig
from sweeper.training.vocabulary import PADDING, SPECIAL, UNKNOWN


@dataclass(frozen=True)
class RecurrentConfig:
    """What a caller of any encoder asks of its configuration."""

    hidden_size: int


@dataclass(frozen=True)
class RecurrentOutput:
    """The state after each word (B, L, D)."""

    last_hidden_state: Tensor


class RecurrentEncoder(nn.Module):
    """Word embeddings, and one layer of RNN (tanh) or GRU over them, from left to right."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = RecurrentConfig(config.hidden_size)
        self.size = SPECIAL + config.vocabulary
        self.embedding = nn.Embedding(self.size, config.embedding_size, padding_idx=PADDING)
        kind = nn.GRU if config.encoder == "gru" else nn.RNN
        self.layer = kind(config.embedding_size, config.hidden_size, batch_first=True)

    def get_input_embeddings(self) -> nn.Module:
        """The word embeddings."""
        return self.embedding

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> RecurrentOutput:
        """States for word numbers and mask (B, L); a word beyond the vocabulary is an unknown one.

        Padding comes after the words, so it changes none of their states; the arithmetic is float32 throughout.
        """
        known = input_ids.where(input_ids < self.size, UNKNOWN)
        with torch.autocast(input_ids.device.type, enabled=False):
            states, _ = self.layer(self.embedding(known))
        return RecurrentOutput(states)
