"""Models with random weights in the folder of a sweep, as a finished sweep keeps its best one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel

from sweeper.app.kept_model import write_prediction_settings
from sweeper.storage.sweep_folder import SweepFolder
from tests.support import tiny_training
from tests.support.random_models import export_random_model, random_texts
from tests.support.recorded_sweeps import SPLITS, RecordedSweep

SMALL = {"hidden_size": 12, "embedding_size": 8, "vocabulary": 40}
_SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
_DISTILBERT = {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64}


def keep_random_model(
    sweeps: Path, *, encoder: str = "tiny", pairs: bool = False, splits: Mapping[str, Any] = SPLITS, **params: Any
) -> SweepFolder:
    """Return a sweep of three classes with a best model: a random BERT, an rnn or a gru. `params` are its own."""
    dataset = {"train": "train.csv", "validation": "validation.csv", "text": ["a", "b"] if pairs else "review"}
    (sweeps.parent / "train.csv").write_text("a\n", encoding="utf-8")
    (sweeps.parent / "validation.csv").write_text("b\n", encoding="utf-8")
    paths = {name: str(sweeps.parent / str(dataset[name])) for name in ("train", "validation")}
    training = {"epochs": 2, "max_length": 24}
    own_data = {**dataset, **paths, "label": "stars"}
    folder = RecordedSweep(sweeps, splits=splits, dataset=own_data, training=training).folder
    add_random_model(folder, 1, encoder=encoder, pairs=pairs, **params)
    return folder


def add_random_model(
    folder: SweepFolder, trial: int, *, encoder: str = "gru", pairs: bool = False, **params: Any
) -> None:
    """Put a random model of three classes into the folder of a sweep, as that of this trial."""
    config = tiny_training.config(**{"max_length": 24, **SMALL, **params}).model_copy(update={"encoder": encoder})
    with torch.random.fork_rng(devices=[]):
        export_random_model(folder.path, config, random_texts(pairs))
    write_prediction_settings(folder.path / "model", folder.read_spec(), config.active_params)
    values = {"trial": trial, **config.active_params}
    (folder.path / "model" / "config.json").write_text(json.dumps(values), encoding="utf-8")


def keep_model(folder: Path, kind: str, **params: Any) -> SweepFolder:
    """Return a sweep whose best model has a random encoder of this kind of transformers."""
    kept = keep_random_model(folder / "sweeps", precision="float32", **params)
    sizes = {**(_DISTILBERT if kind == "distilbert" else _SIZES), "vocab_size": 100, "embedding_size": 32}
    longest = {"max_position_embeddings": 64, "pad_token_id": 0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        encoder = AutoModel.from_config(AutoConfig.for_model(kind, **sizes, **longest))
        for parameter in encoder.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        encoder.save_pretrained(kept.path / "model" / "encoder")
    return kept
