"""Models with random weights as a sweep exports them, texts for them, and the predictions of sweeper's own code."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import BertTokenizer

from sweeper.data.rows import LabelledTexts
from sweeper.training import checkpoint, export
from sweeper.training.config import TrainConfig
from sweeper.training.evaluation import evaluate
from sweeper.training.model import Classifier
from sweeper.training.tokenizer import Tokenizer
from sweeper.training.types import EncoderWeights, TrainingData
from sweeper.training.vocabulary import Vocabulary
from tests.support import tiny_training

LABELS = ("very negative", "neutral", "positive")
WORDS = [f"w{k}" for k in range(96)]
LONGEST = 24  # tokens of a text that the sweep reads


def texts(count: int = 150) -> list[str]:
    """Return texts of 1 to 40 words, some of them unknown words or stop words, and one text without words."""
    generator = np.random.default_rng(0)
    words = [*WORDS, "unheard", "the", "Film!", "it's"]
    lengths = generator.integers(1, 40, size=count)
    return [" ".join(words[k] for k in generator.integers(len(words), size=length)) for length in lengths] + ["…"]


def random_texts(pairs: bool) -> LabelledTexts:
    found = texts()
    return LabelledTexts(found, np.arange(len(found)) % 3, found[::-1] if pairs else None)


def export_random_model(folder: Path, config: TrainConfig, split: LabelledTexts) -> TrainingData:
    """Export a model with random weights and its tokenizer, as a sweep does. Return its data."""
    if config.encoder in ("rnn", "gru"):
        tokens: Vocabulary | Tokenizer = Vocabulary(split, 60)
        encoder = EncoderWeights(config.encoder, {}, {}, 0)
    else:
        (folder / "words.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]), encoding="utf-8")
        BertTokenizer(str(folder / "words.txt")).save_pretrained(folder / "tokenizer")
        (folder / "tokenizer" / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
        tokens, encoder = Tokenizer(folder / "tokenizer", "tiny"), tiny_training.encoder()
    data = TrainingData(LABELS, encoder, {"validation": tokens.tokenize_split(split, LONGEST)})
    torch.manual_seed(1)
    model = Classifier(config, data)
    checkpoint.save_checkpoint({"model": model.trained_state()}, folder / "checkpoint.pt")
    export.write_model(folder / "checkpoint.pt", config, data, folder / "model")
    tokens.save(folder / "model" / "encoder")
    return data


def own_probabilities(folder: Path, config: TrainConfig, data: TrainingData) -> NDArray[np.float32]:
    """Return the probabilities of sweeper's own model for the texts."""
    return evaluate(export.load_exported(folder / "model", config, data), data, "validation", config).probabilities


def model_export(folder: Path, config: TrainConfig, pairs: bool = False) -> Any:
    """Return what MLflow gets of the model in a folder: a ModelExport."""
    from sweeper.tracking.model_export import ModelExport

    return ModelExport(folder / "model", "sst5-0a1b2c3d.2", config.active_params, LONGEST, 2 if pairs else 1)


def assert_same(table: Any, expected: NDArray[np.float32]) -> None:
    """Assert that a table of predictions has these probabilities (N, C), and the likeliest labels."""
    assert list(table.columns) == ["label", *(f"probability/{label}" for label in LABELS)]
    assert np.array_equal(table.iloc[:, 1:].to_numpy(np.float32), expected)
    assert table["label"].tolist() == [LABELS[k] for k in expected.argmax(axis=1)]
    assert len(np.unique(expected, axis=0)) > len(expected) / 2  # predictions depend on the text
