"""A tiny training for tests: a random BERT of a few thousand weights, and texts whose class decides their tokens."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertModel

from sweeper.training.config import TrainConfig
from sweeper.training.types import TIMING_METRICS, EncoderWeights, TokenizedSplit, TrainingData, ValidationReport

CLS, SEP, PADDING = 2, 3, 0
_TOKENS_PER_CLASS, _FIRST_TOKEN, _VOCABULARY = 8, 10, 100
_SPLITS = {"train": 1.0, "validation": 0.5, "test": 0.5}  # shares of `rows`


def encoder(seed: int = 0, *, dropout: float = 0.1) -> EncoderWeights:
    """Return a BERT with random weights. Its biases and norms are random too, so that tests see when they change."""
    configuration = BertConfig(
        vocab_size=_VOCABULARY,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = BertModel(configuration).state_dict()
        weights = {name: (tensor + 0.02 * torch.randn(tensor.shape)).numpy() for name, tensor in state.items()}
    return EncoderWeights("tiny", configuration.to_dict(), weights, PADDING)


def data(
    rows: int = 64,
    classes: int = 3,
    seed: int = 0,
    *,
    lengths: tuple[int, int] = (4, 20),
    dropout: float = 0.1,
) -> TrainingData:
    """Return a learnable task: most tokens of a text belong to its class. `lengths` are the fewest and most tokens."""
    generator = np.random.default_rng(seed)
    splits = {name: _split(generator, round(rows * share), classes, lengths) for name, share in _SPLITS.items()}
    return TrainingData(tuple(f"class {k}" for k in range(classes)), encoder(dropout=dropout), splits)


def _split(generator: np.random.Generator, rows: int, classes: int, lengths: tuple[int, int]) -> TokenizedSplit:
    labels = generator.permutation(np.arange(rows, dtype=np.int64) % classes)
    texts = [_text(generator, int(label), int(generator.integers(lengths[0], lengths[1] + 1))) for label in labels]
    return split(texts, labels.tolist())


def _text(generator: np.random.Generator, label: int, length: int) -> list[int]:
    class_tokens = generator.integers(
        _FIRST_TOKEN + label * _TOKENS_PER_CLASS, _FIRST_TOKEN + (label + 1) * _TOKENS_PER_CLASS, length - 2
    )
    all_tokens = generator.integers(_FIRST_TOKEN, _VOCABULARY, length - 2)
    return [CLS, *np.where(generator.random(length - 2) < 0.8, class_tokens, all_tokens).tolist(), SEP]


def split(texts: list[list[int]], labels: list[int]) -> TokenizedSplit:
    """Return the split of these texts, which are token numbers with [CLS] and [SEP]."""
    lengths = [len(text) for text in texts]
    tokens = np.array([token for text in texts for token in text], dtype=np.int32)
    starts = np.cumsum([0, *lengths]).astype(np.int64)
    return TokenizedSplit(tokens, starts, np.array(lengths, dtype=np.int32), np.array(labels, dtype=np.int64))


def config(**hyperparameters: Any) -> TrainConfig:
    """Return a config for two quick epochs on one thread in float32; `hyperparameters` override it."""
    quick = {"batch_size": 16, "learning_rate": 3e-3, "epochs": 2, "max_length": 32, "precision": "float32"}
    return TrainConfig(encoder="tiny", **{**quick, **hyperparameters})


def without_timing(reports: Iterable[ValidationReport]) -> list[tuple[int, float, dict[str, float]]]:
    """Return the step, epoch and metrics of each report without its timing: what every repetition has in common."""
    return [(r.step, r.epoch, {k: v for k, v in r.metrics.items() if k not in TIMING_METRICS}) for r in reports]
