"""A training with only the word embeddings that it needs equals one with all of them, to the last bit."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from sweeper.errors import CheckpointError
from sweeper.training import batching, checkpoint, export
from sweeper.training.best_model import best_model_path
from sweeper.training.config import TrainConfig
from sweeper.training.evaluation import evaluate
from sweeper.training.final_scoring import score_best_model
from sweeper.training.model import Classifier
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.optimizer import Optimizer
from sweeper.training.pretrained import load_pretrained
from sweeper.training.trained_model import load_full_model
from sweeper.training.trainer import train
from sweeper.training.training_run import TrainingRun
from sweeper.training.training_setup import prepare_training, speed_up_on_cpu
from sweeper.training.types import TokenizedSplit, TrainingData, ValidationReport
from tests.support import tiny_architectures, tiny_training

OBJECTIVE = ObjectiveMetric(maximize="validation/accuracy")
VOCABULARY = 1001  # 3 modulo 2: one row more is needed for alignment
Result = tuple[list[tuple[int, float, dict[str, float]]], dict[str, Tensor], dict[str, float]]


def random_data(kind: str = "bert", padding: int = 0, rows: int = 12) -> TrainingData:
    """Texts whose tokens are spread over a vocabulary; most tokens of the test split occur only there."""
    module = tiny_architectures.build(kind, VOCABULARY)
    weights = {name: tensor.numpy().copy() for name, tensor in module.state_dict().items()}
    encoder = replace(
        tiny_training.encoder(), configuration=module.config.to_dict(), weights=weights, padding=padding, width=32
    )
    generator = np.random.default_rng(0)

    def split(first: int, last: int) -> TokenizedSplit:
        texts = [[2, *generator.integers(first, last, generator.integers(2, 12)).tolist(), 3] for _ in range(rows)]
        return tiny_training.split(texts, generator.integers(0, 3, rows).tolist())

    splits = {"train": split(10, 200), "validation": split(150, 300), "test": split(250, VOCABULARY)}
    return TrainingData(("a", "b", "c"), encoder, splits)


def quick(**hyperparameters: Any) -> TrainConfig:
    """A config whose gradients are clipped in every update, and whose decay shows in the weights."""
    values = {"batch_size": 4, "epochs": 1, "clip_norm": 0.1, "weight_decay": 0.1, "warmup": 0.2, **hyperparameters}
    return tiny_training.config(**values)


def reports(events: Any) -> list[ValidationReport]:
    return [event for event in events if isinstance(event, ValidationReport)]


def result(config: TrainConfig, data: TrainingData, path: Path, *, all_tokens: bool) -> Result:
    """The reports of a training, all weights of its last and best epoch as exported, and the best metrics on test."""
    trained = reports(TrainingRun(config, data, OBJECTIVE, all_tokens=all_tokens).events(path))
    states = {"last": checkpoint.load_checkpoint(path), "best": checkpoint.load_checkpoint(best_model_path(path))}
    models = {name: load_full_model(state, config, data).state_dict() for name, state in states.items()}
    weights = {f"{name} {key}": tensor for name, model in models.items() for key, tensor in model.items()}
    (scored,) = reports(score_best_model(config, data, path, OBJECTIVE))
    return tiny_training.without_timing(trained), weights, dict(scored.metrics)


def assert_equal(first: Result, second: Result) -> None:
    assert first[0] == second[0]
    assert first[1].keys() == second[1].keys()
    assert [name for name, tensor in first[1].items() if not torch.equal(tensor, second[1][name])] == []
    assert first[2] == second[2]


def assert_trimmed_equals_full(config: TrainConfig, data: TrainingData, folder: Path) -> None:
    paths = [folder / name / "checkpoint-1.pt" for name in ("full", "trimmed")]
    full, trimmed = (
        result(config, data, path, all_tokens=all_tokens) for path, all_tokens in zip(paths, (True, False), strict=True)
    )
    assert_equal(full, trimmed)
    assert paths[1].stat().st_size < paths[0].stat().st_size


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"loss": "ce", "pooling": "mean", "precision": "float32", "accumulate": 2, "epochs": 2},
        {"loss": "ce", "pooling": "cls", "precision": "bf16"},
        {"loss": "scl", "views": 2, "precision": "bf16"},
        {"loss": "lcl", "weighting": "shared", "precision": "bf16", "pooling": "mean"},
        {"loss": "lcl", "weighting": "separate", "precision": "float32", "validations_per_epoch": 2},
        {"loss": "lcl", "weighting": "separate", "precision": "bf16"},
        {"loss": "scl_two_phase", "contrastive_epochs": 1},
        {"loss": "ce", "freeze_embeddings": True},
        {"loss": "ce", "clip_norm": 1e9, "pooling": "flatten"},
        {"loss": "ce", "threads": 2},
        {"loss": "lcl", "weighting": "separate", "layer_decay": 0.7, "schedule": "cosine", "epochs": 2},
        {"loss": "ce", "reinit_layers": 1, "schedule": "constant"},
        {"loss": "scl", "consistency": 0.5, "texts_per_class": 2, "precision": "bf16"},
        {"loss": "ce", "average": "ema", "ema_decay": 0.6, "epochs": 2, "validations_per_epoch": 2, "threads": 2},
        {"loss": "lcl", "average": "ema", "accumulate": 2, "layer_decay": 0.7},
        {"loss": "scl_two_phase", "contrastive_epochs": 1, "average": "ema"},
        {"loss": "lcl", "memory": 9, "epochs": 2},
        {"loss": "ce", "average": "soup", "epochs": 3, "precision": "bf16"},
        {"loss": "scl_two_phase", "contrastive_epochs": 1, "average": "soup", "epochs": 2},
    ],
    ids=lambda values: "-".join(map(str, values.values())),
)
def test_trimmed_training_gives_the_numbers_of_the_full_one(hyperparameters: dict[str, Any], tmp_path: Path) -> None:
    assert_trimmed_equals_full(quick(**hyperparameters), random_data(), tmp_path)


@pytest.mark.parametrize("kind", tiny_architectures.KINDS)
def test_every_architecture_gives_the_same_numbers_trimmed(kind: str, tmp_path: Path) -> None:
    settings = tiny_architectures.shrink(tiny_architectures.KINDS[kind])
    data = random_data(kind, padding=settings.pad_token_id or 0)
    assert_trimmed_equals_full(quick(), data, tmp_path)


def test_an_encoder_from_a_folder_gives_the_same_numbers_trimmed(tmp_path: Path) -> None:
    tiny_architectures.build("roberta", VOCABULARY).save_pretrained(tmp_path / "encoder")
    data = replace(random_data(), encoder=load_pretrained(tmp_path / "encoder", "own", 1))
    assert_trimmed_equals_full(quick(), data, tmp_path)


@pytest.mark.parametrize("width", [36, 44])
def test_vectors_of_an_odd_width_give_the_same_numbers_trimmed(width: int, tmp_path: Path) -> None:
    data = random_data()
    configuration = BertConfig(**{**data.encoder.configuration, "hidden_size": width})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = BertModel(configuration).state_dict()
    weights = {name: tensor.numpy().copy() for name, tensor in state.items()}
    encoder = replace(data.encoder, configuration=configuration.to_dict(), weights=weights, width=width)
    assert_trimmed_equals_full(quick(), replace(data, encoder=encoder), tmp_path)


def test_a_training_without_clipping_equals_plain_pytorch(tmp_path: Path) -> None:
    """The rows left out hold what AdamW makes of them, in an encoder with all rows."""
    data, config = random_data(), quick(clip_norm=1e9)
    list(train(config, data, tmp_path / "checkpoint.pt"))
    exported = load_full_model(checkpoint.load_checkpoint(tmp_path / "checkpoint.pt"), config, data)
    setup = prepare_training(config, data)
    torch.manual_seed(config.seed)
    plain = Classifier(config, data)
    speed_up_on_cpu(plain, setup.precision)
    assert isinstance(plain.encoder.get_input_embeddings(), nn.Embedding)  # type: ignore[operator]
    batches = batching.bucketed_batches(setup.split, config.batch_size, config.max_length, seed=config.seed, epoch=0)
    optimizer = Optimizer(config, plain, config.learning_rate, len(batches), setup.precision, setup.device)
    for rows in batches:
        batch = batching.collate(setup.split, rows, config.max_length, data.encoder.padding)
        optimizer.backward(setup.loss.components(plain(batch), batch.labels)["train/loss"])
        optimizer.update()
    state = plain.state_dict()
    assert [name for name, tensor in exported.state_dict().items() if not torch.equal(tensor, state[name])] == []
    unused = data.encoder.weights["embeddings.word_embeddings.weight"][900]
    assert not np.array_equal(state["encoder.embeddings.word_embeddings.weight"][900].numpy(), unused)


@pytest.mark.parametrize("loss", ["ce", "lcl"])
def test_an_exported_model_has_all_embeddings_and_scores_further_tokens(loss: str, tmp_path: Path) -> None:
    data, config, path = random_data(), quick(loss=loss, epochs=3), tmp_path / "checkpoint-1.pt"
    list(TrainingRun(config, data, OBJECTIVE).events(path))
    (scored,) = reports(score_best_model(config, data, path, OBJECTIVE))
    only_train = replace(data, splits={"train": data.splits["train"]})
    export.write_model(best_model_path(path), config, only_train, tmp_path / "exported")
    model = export.load_exported(tmp_path / "exported", config, data)
    assert model.encoder.get_input_embeddings().weight.shape == (VOCABULARY, 32)  # type: ignore[operator]
    metrics = evaluate(model, data, "test", config).metrics
    assert {f"test/{name}": value for name, value in metrics.items()} == scored.metrics


def test_a_resumed_training_gives_the_same_numbers(tmp_path: Path) -> None:
    data, config = random_data(), quick(loss="lcl", epochs=3)
    expected = result(config, data, tmp_path / "full" / "checkpoint-1.pt", all_tokens=True)
    interrupted = tmp_path / "trimmed" / "checkpoint-1.pt"
    for stop in (1, 2):
        events = TrainingRun(config, data, OBJECTIVE).events(interrupted)
        assert len(list(islice((event for event in events if isinstance(event, ValidationReport)), stop))) == stop
        events.close()
    assert_equal(expected, result(config, data, interrupted, all_tokens=False))


@pytest.mark.parametrize("all_tokens", [True, False])
def test_a_checkpoint_of_other_tokens_is_not_used(all_tokens: bool, tmp_path: Path) -> None:
    data, config, path = random_data(), quick(), tmp_path / "checkpoint.pt"
    list(TrainingRun(config, data, None, all_tokens=all_tokens).events(path))
    train_split = data.splits["train"]
    shifted = replace(train_split, tokens=np.where(train_split.tokens > 3, train_split.tokens + 1, train_split.tokens))
    with pytest.raises(CheckpointError, match="a model with other weights"):
        list(train(config, replace(data, splits={**data.splits, "train": shifted}), path))


def test_a_training_holds_only_the_rows_that_it_needs() -> None:
    data = random_data()
    model = prepare_training(quick(loss="lcl"), data).model
    occurring = set(np.concatenate([data.splits[name].tokens for name in ("train", "validation")]).tolist())
    for encoder in (model.encoder, model.weighting_encoder):
        embeddings = encoder.get_input_embeddings()  # type: ignore[operator, union-attr]
        kept = set(embeddings.kept_tokens.tolist())
        assert kept >= occurring | {0, VOCABULARY - 1}
        assert len(kept) <= len(occurring) + 3
        assert embeddings.weight.shape == (len(kept), 32)


def test_a_token_that_is_left_out_cannot_be_looked_up() -> None:
    model = prepare_training(quick(), random_data()).model
    with pytest.raises(IndexError):
        model.encoder(input_ids=torch.tensor([[2, 900, 3]]), attention_mask=torch.ones(1, 3))
