"""The RNN and GRU encoders train from scratch, ignore padding, and are exported like any other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.data.rows import LabelledTexts
from sweeper.training import batching, export
from sweeper.training.config import TrainConfig
from sweeper.training.model import Classifier, build_encoder
from sweeper.training.trainer import train
from sweeper.training.types import EncoderWeights, TrainingData
from sweeper.training.vocabulary import Vocabulary

COLOURS = ("red", "green", "blue")


def config(encoder: str, **hyperparameters: Any) -> TrainConfig:
    small = {"embedding_size": 16, "hidden_size": 24, "batch_size": 16, "learning_rate": 0.02, "max_length": 12}
    return TrainConfig.model_validate(
        {"encoder": encoder, "epochs": 4, "precision": "float32", **small, **hyperparameters}
    )


def build(encoder: str, **hyperparameters: Any) -> nn.Module:
    return build_encoder(EncoderWeights(encoder, {}, {}, 0), config(encoder, **hyperparameters))


def rows(count: int, seed: int) -> LabelledTexts:
    """Texts in which one word tells the class."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(3, size=count)
    noise = [" ".join(f"w{k}" for k in generator.integers(20, size=int(generator.integers(1, 6)))) for _ in labels]
    return LabelledTexts([f"{text} {COLOURS[label]}" for text, label in zip(noise, labels, strict=True)], labels)


def data(encoder: str) -> TrainingData:
    texts = {"train": rows(96, 0), "validation": rows(48, 1)}
    vocabulary = Vocabulary(texts["train"], 100)
    splits = {name: vocabulary.tokenize_split(split, 12) for name, split in texts.items()}
    return TrainingData(COLOURS, EncoderWeights(encoder, {}, {}, vocabulary.padding), splits)


@pytest.mark.parametrize("encoder", ["rnn", "gru"])
@pytest.mark.parametrize(
    "hyperparameters", [{}, {"pooling": "mean"}, {"loss": "lcl"}, {"loss": "scl_two_phase", "tau": 0.1}], ids=str
)
def test_a_recurrent_encoder_learns_from_scratch(encoder: str, hyperparameters: dict[str, Any]) -> None:
    *_, last = train(config(encoder, classifier_learning_rate=0.05, **hyperparameters), data(encoder))
    assert last.metrics["validation/accuracy"] > 0.6


@pytest.mark.parametrize("encoder", ["rnn", "gru"])
def test_padding_does_not_change_the_states_of_words(encoder: str) -> None:
    net = build(encoder, vocabulary=10)
    words = torch.tensor([[3, 4, 5]])
    padded = torch.tensor([[3, 4, 5, 0, 0]])
    states = [net(ids, (ids > 0).long()).last_hidden_state[:, :3] for ids in (words, padded)]
    torch.testing.assert_close(states[0], states[1])


def test_words_beyond_the_vocabulary_are_the_unknown_word() -> None:
    net = build("rnn", vocabulary=2)
    beyond, unknown = torch.tensor([[2, 4, 900]]), torch.tensor([[2, 1, 1]])
    states = [net(ids, torch.ones_like(ids)).last_hidden_state for ids in (beyond, unknown)]
    assert torch.equal(states[0], states[1])


@pytest.mark.parametrize("precision", ["bf16", "float32"])
def test_a_recurrent_encoder_trains_in_every_precision(precision: str) -> None:
    training_data = data("gru")
    *_, last = train(config("gru", precision=precision), training_data)
    assert last.metrics["validation/accuracy"] > 0.6


def test_an_exported_recurrent_model_scores_as_it_did_in_training(tmp_path: Path) -> None:
    training_data, train_config = data("gru"), config("gru")
    *_, last = train(train_config, training_data, tmp_path / "checkpoint.pt")
    export.write_model(tmp_path / "checkpoint.pt", train_config, training_data, tmp_path / "exported")
    assert (
        export.evaluate_exported(tmp_path / "exported", train_config, training_data, "validation")["accuracy"]
        == last.metrics["validation/accuracy"]
    )


def test_a_longer_text_is_cut_to_its_first_words() -> None:
    texts = LabelledTexts(["w0 w1 w2 w3 w4 w5"], np.array([0]))
    vocabulary = Vocabulary(texts, 10)
    short, long = (vocabulary.tokenize_split(texts, length) for length in (3, 6))
    row = np.array([0])
    assert batching.collate(long, row, 3, 0).ids.tolist() == batching.collate(short, row, 3, 0).ids.tolist()


def test_the_same_seed_gives_the_same_weights() -> None:
    training_data, weights = data("rnn"), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(Classifier(config("rnn"), training_data).encoder.state_dict()["embedding.weight"])
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
