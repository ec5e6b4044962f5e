"""Combinations of values that no training can have are refused before anything runs, with line and remedy."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SearchSpaceError
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.parser import parse_spec
from sweeper.training.registry import LOSSES

CONTRASTIVE = [name for name, loss in LOSSES.items() if loss.contrastive_term and not loss.has_prototypes]


def refusal(**keys: Any) -> str:
    values = {"dataset": "sst5", "compare": {"encoder": ["gru"]}, **keys}
    with pytest.raises(SearchSpaceError) as caught:
        parse_spec(SourceDocument("space.yaml", values))
    assert len(caught.value.lines) == 1, caught.value.lines
    return caught.value.lines[0]


def accept(**keys: Any) -> None:
    parse_spec(SourceDocument("space.yaml", {"dataset": "sst5", "compare": {"encoder": ["gru"]}, **keys}))


# ---- contrastive losses compare texts


@pytest.mark.parametrize("loss", CONTRASTIVE)
@pytest.mark.parametrize(
    ("section", "size"),
    [
        ("training", 1),
        ("search", [1, 8]),
        ("search", {"int": [1, 64]}),
        ("search", {"int": [1, 1_000_000_000]}),
        ("search", {"value": 1, "when": {"normalize": True}}),
    ],
)
@pytest.mark.parametrize("views", [1, 2])
def test_a_contrastive_loss_needs_two_texts(loss: str, section: str, size: Any, views: int) -> None:
    keys: dict[str, dict[str, Any]] = {"training": {"views": views}, "search": {"normalize": [True, False]}}
    keys[section]["batch_size"] = size
    message = refusal(compare={"encoder": ["gru"], "loss": ["ce", loss]}, **keys)
    assert message.startswith(f"space.yaml:1: {section}.batch_size: a batch of one text")
    assert f"loss {loss}" in message


def test_prototypes_may_be_compared_with_single_texts() -> None:
    accept(compare={"encoder": ["gru"], "loss": ["ce", "prototypes"]}, training={"batch_size": 1})


def test_cross_entropy_may_have_single_texts() -> None:
    accept(training={"batch_size": 1})
    when = {"cases": [{"value": 1, "when": {"loss": "ce"}}, {"choice": [2, 4], "when": {"loss": ["scl", "lcl"]}}]}
    accept(compare={"encoder": ["gru"], "loss": ["ce", "scl", "lcl"]}, search={"batch_size": when})


# ---- GPUs


@pytest.mark.parametrize("section", ["compare", "search", "training"])
def test_fp16_needs_a_gpu(section: str) -> None:
    keys: dict[str, Any] = {"compare": {"encoder": ["gru"]}}
    keys.setdefault(section, {})["precision"] = "fp16" if section == "training" else ["float32", "fp16"]
    assert f"{section}.precision: fp16 needs a GPU" in refusal(**keys)
    accept(**keys, resources={"gpu": 0.5})


# ---- encoders that this machine can look at


def encoder(folder: Path, config: object, tokenizer: object = None) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    if tokenizer is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return str(folder)


BERT = {"model_type": "bert", "max_position_embeddings": 64}


@pytest.mark.parametrize(
    ("config", "tokenizer", "limit"),
    [
        (BERT, None, 64),
        (BERT, {"model_max_length": int(1e30)}, 64),
        (BERT, {"model_max_length": 32}, 32),
        ({"model_type": "roberta", "max_position_embeddings": 66, "pad_token_id": 1}, None, 64),
        ({"model_type": "mpnet", "max_position_embeddings": 66, "pad_token_id": 1}, None, 64),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 66}, None, 64),
        ({"model_type": "gpt2", "n_positions": 64}, None, 64),
    ],
)
def test_texts_longer_than_a_local_encoder_takes_are_refused(
    tmp_path: Path, config: dict[str, Any], tokenizer: object, limit: int
) -> None:
    name = encoder(tmp_path / "enc", config, tokenizer)
    for length in (limit + 1, [8, limit + 1], {"int": [8, 500]}):
        section = "training" if isinstance(length, int) else "search"
        message = refusal(compare={"encoder": [name]}, **{section: {"max_length": length}})
        assert f"compare.encoder: takes {limit} tokens at most" in message
    accept(compare={"encoder": [name]}, training={"max_length": limit})


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "deberta-v2", "max_position_embeddings": 64, "position_biased_input": False},
        {"model_type": "xlnet"},
        {"model_type": ["bert"]},
        {"model_type": "bert", "max_position_embeddings": "many"},
    ],
)
def test_an_encoder_without_a_limit_takes_any_length(tmp_path: Path, config: dict[str, Any]) -> None:
    accept(compare={"encoder": [encoder(tmp_path / "enc", config)]}, training={"max_length": 1000})


# ---- pairs, and ranges that are too long to list


def test_a_range_of_a_billion_values_is_checked_at_once() -> None:
    wide = {"int": [3, 1_000_000_000]}
    search = {"epochs": wide, "vocabulary": wide, "tau": {"value": 1, "when": {"vocabulary": 999_999_999}}}
    accept(compare={"encoder": ["gru"], "loss": ["scl"]}, search=search)


# ---- adapters


MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"training": {"lora": 8}}, "training.lora: an adapter needs a pretrained encoder, and gru is trained"),
        ({"search": {"lora": [0, 8]}}, "search.lora: an adapter needs a pretrained encoder, and gru is trained"),
        (
            {"compare": {"encoder": [MINILM]}, "search": {"lora": {"int": [1, 8]}}, "training": {"reinit_layers": 2}},
            "search.lora: layers with new weights would stay random (reinit_layers: 2), got 1",
        ),
        ({"training": {"lora": -1}}, "training.lora: "),
        ({"training": {"lora": 2.5}}, "training.lora: "),
        ({"training": {"lora": True}}, "training.lora: "),
    ],
    ids=str,
)
def test_an_adapter_needs_pretrained_weights_and_a_rank(keys: dict[str, Any], message: str) -> None:
    assert refusal(**keys).startswith(f"space.yaml:1: {message}")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"training": {"reinit_layers": 2}}, "training.reinit_layers: needs a pretrained encoder, and gru is trained"),
        ({"search": {"layer_decay": {"uniform": [0.8, 1]}}}, "search.layer_decay: needs a pretrained encoder, and gru"),
    ],
    ids=str,
)
def test_layers_need_pretrained_weights(keys: dict[str, Any], message: str) -> None:
    assert refusal(**keys).startswith(f"space.yaml:1: {message}")


def test_layers_of_pretrained_encoders_alone_may_be_searched() -> None:
    accept(training={"reinit_layers": 0, "layer_decay": 1})
    when = {"choice": [0, 2], "when": {"encoder": MINILM}}
    accept(compare={"encoder": ["gru", MINILM]}, search={"reinit_layers": when})


def test_an_adapter_of_pretrained_encoders_alone_may_be_searched() -> None:
    accept(training={"lora": 0})
    accept(compare={"encoder": [MINILM]}, search={"lora": [0, 8]}, training={"layer_decay": 0.9})
    when = {"choice": [4, 8], "when": {"encoder": MINILM}}
    accept(compare={"encoder": ["gru", MINILM]}, search={"lora": when})


def test_an_adapter_without_peft_is_refused_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    accept(compare={"encoder": [MINILM]}, training={"lora": 8})
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "peft" else find_spec(name))
    message = refusal(compare={"encoder": [MINILM]}, training={"lora": 8})
    assert message.startswith(
        "space.yaml:1: training.lora: needs the package peft, which is not installed, got 8; run "
    )
    assert "pip install 'peft>=0.18'" in message
    accept(compare={"encoder": [MINILM]}, training={"lora": 0})
