"""LoRA: the encoder computes with W + (alpha/r) B A, and only A, B and the classifier are trained and saved."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from transformers import AutoModel, GPT2Config, GPT2Model

from sweeper.training import checkpoint, export
from sweeper.training.adapter import add_adapter, merge_adapter, save_adapter
from sweeper.training.batching import collate
from sweeper.training.evaluation import evaluate
from sweeper.training.layers import learning_rate_factors
from sweeper.training.model import Classifier, build_encoder
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.trained_model import build_trained_model, load_full_model
from sweeper.training.trainer import train, train_events
from sweeper.training.training_run import TrainingRun
from sweeper.training.types import TrainingData, ValidationReport
from tests.support import tiny_architectures, tiny_training

# PeftModel of peft 0.21 reads an attribute that transformers 5.23 renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

RANK = 3
INPUT = {"input_ids": torch.arange(5, 17).reshape(2, 6), "attention_mask": torch.ones(2, 6, dtype=torch.long)}


def adapted(kind: str) -> tuple[nn.Module, nn.Module]:
    """Return an encoder in float64, and the same one with a random adapter."""
    plain, other = (tiny_architectures.build(kind).double().eval() for _ in range(2))
    add_adapter(other, RANK)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        for parameter in adapter_weights(other).values():
            parameter.normal_(std=0.2)
    return plain, other.double().eval()


def adapter_weights(encoder: nn.Module) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in encoder.named_parameters() if ".lora_" in name}


def naive(plain: nn.Module, weights: dict[str, Tensor]) -> Tensor:
    """Return an encoder's output with W + (alpha/r) B A in place of each matrix W that has an adapter; alpha is 2r."""
    matrices: dict[str, Tensor] = dict(plain.named_parameters())
    for name in [name for name in weights if ".lora_A." in name]:
        matrix = name.split(".lora_A.")[0] + ".weight"
        product = weights[name.replace("lora_A", "lora_B")] @ weights[name]
        matrices[matrix] = matrices[matrix] + 2 * RANK / RANK * product
    output: Tensor = functional_call(plain, matrices, kwargs=INPUT).last_hidden_state
    return output


@pytest.mark.parametrize("kind", sorted(tiny_architectures.KINDS))
def test_output_and_gradients_are_those_of_the_naive_formula(kind: str) -> None:
    plain, other = adapted(kind)
    weights = adapter_weights(other)
    copies = {name: weight.detach().clone().requires_grad_() for name, weight in weights.items()}
    expected, output = naive(plain, copies), other(**INPUT).last_hidden_state
    torch.testing.assert_close(output, expected, rtol=1e-10, atol=1e-10)
    assert (output - plain(**INPUT).last_hidden_state).abs().max() > 1e-3
    torch.autograd.backward((expected**2).sum())
    torch.autograd.backward((output**2).sum())
    for name, weight in weights.items():
        assert weight.grad is not None, name
        torch.testing.assert_close(weight.grad, copies[name].grad, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", sorted(tiny_architectures.KINDS))
def test_merged_and_loaded_by_peft_the_encoder_computes_the_same(kind: str, tmp_path: Path) -> None:
    plain, other = adapted(kind)
    expected = other(**INPUT).last_hidden_state
    plain.save_pretrained(tmp_path / "base")  # type: ignore[operator]
    save_adapter(other, tmp_path / "adapter", str(tmp_path / "base"))
    base = AutoModel.from_pretrained(tmp_path / "base", dtype=torch.float64)
    loaded = peft.PeftModel.from_pretrained(base, tmp_path / "adapter").double().eval()
    torch.testing.assert_close(loaded(**INPUT).last_hidden_state, expected, rtol=1e-6, atol=1e-6)
    merge_adapter(other)
    torch.testing.assert_close(other(**INPUT).last_hidden_state, expected, rtol=1e-10, atol=1e-10)
    assert other.state_dict().keys() == plain.state_dict().keys()


def test_a_new_adapter_changes_nothing() -> None:
    plain, other = (tiny_architectures.build("bert").eval() for _ in range(2))
    add_adapter(other, RANK)
    assert torch.equal(other(**INPUT).last_hidden_state, plain(**INPUT).last_hidden_state)


def test_matrices_that_are_kept_transposed_get_an_adapter_too() -> None:
    encoder = GPT2Model(GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=20, n_positions=8)).eval()
    before = encoder(**INPUT).last_hidden_state
    add_adapter(encoder, 2)
    assert len(adapter_weights(encoder)) == 2 * 4
    torch.testing.assert_close(encoder(**INPUT).last_hidden_state, before)


# ---- trainings


@pytest.fixture(scope="module")
def small_data() -> TrainingData:
    return tiny_training.data(rows=48)


CASES: list[dict[str, Any]] = [
    {"loss": "ce"},
    {"loss": "ce", "precision": "bf16", "layer_decay": 0.7, "accumulate": 2, "validations_per_epoch": 2},
    {"loss": "lcl"},
    {"loss": "lcl", "weighting": "shared", "freeze_embeddings": True},
    {"loss": "scl_two_phase", "contrastive_epochs": 1},
    {"loss": "scl", "average": "ema", "memory": 8, "gradient_cache": True, "accumulate": 2},
    {"loss": "ce", "average": "soup"},
]


@pytest.mark.parametrize("overrides", CASES, ids=str)
def test_only_adapters_and_heads_are_trained_and_saved(
    small_data: TrainingData, tmp_path: Path, overrides: dict[str, Any]
) -> None:
    config, path = tiny_training.config(batch_size=8, lora=RANK, **overrides), tmp_path / "checkpoint.pt"
    before = {name: tensor.clone() for name, tensor in Classifier(config, small_data).state_dict().items()}
    reports = train(config, small_data, path)
    first = list(islice(reports, 1))
    reports.close()
    torch.rand(5)
    resumed = list(train(config, small_data, path))
    assert resumed[:1] == first
    assert tiny_training.without_timing(resumed) == tiny_training.without_timing(train(config, small_data, None))
    state = checkpoint.load_checkpoint(path)
    assert all(".lora_" in name or name.startswith(("classifier.", "weighting.")) for name in state["model"])
    assert len(state["model"]) == 2 + 24 + (0 if config.loss != "lcl" else 2 + 24 * (config.weighting == "separate"))
    after = load_full_model(state, config, small_data).state_dict()
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert changed == state["model"].keys()


def test_word_embeddings_that_are_left_out_change_no_number(small_data: TrainingData) -> None:
    config = tiny_training.config(lora=RANK, loss="lcl", epochs=1)
    runs = [
        [event for event in TrainingRun(config, small_data, None, all_tokens=every).events(None)
         if isinstance(event, ValidationReport)]
        for every in (True, False)
    ]  # fmt: skip
    assert tiny_training.without_timing(runs[0]) == tiny_training.without_timing(runs[1])


def test_a_model_scores_and_is_exported_as_it_was_trained(small_data: TrainingData, tmp_path: Path) -> None:
    config, path = tiny_training.config(batch_size=8, lora=RANK, epochs=3), tmp_path / "checkpoint.pt"
    objective = ObjectiveMetric(maximize=None, minimize=None, stop_at=None)
    reports = [
        event for event in train_events(config, small_data, path, objective) if isinstance(event, ValidationReport)
    ]
    best = checkpoint.load_checkpoint(tmp_path / "model.pt")
    report = reports[best["step"] - 1]
    model = build_trained_model(best, config, small_data)
    scored = evaluate(model, small_data, "validation", config)
    assert {name: report.metrics[f"validation/{name}"] for name in scored.metrics} == scored.metrics
    export.write_model(tmp_path / "model.pt", config, small_data, tmp_path / "out")
    merged = export.load_exported(tmp_path / "out", config, small_data)
    probabilities = evaluate(merged, small_data, "validation", config).probabilities
    assert abs(probabilities - scored.probabilities).max() < 1e-5
    base = build_encoder(small_data.encoder, config.model_copy(update={"lora": 0}))
    loaded = peft.PeftModel.from_pretrained(base, tmp_path / "out" / "adapter").eval()
    batch = collate(small_data.splits["validation"], np.arange(3), 32, 0)
    with torch.no_grad():
        features = loaded(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state[:, 0]
        expected = merged.features(batch)
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)
    export.write_model(tmp_path / "model.pt", config, small_data, tmp_path / "out")  # it replaces the earlier one


def test_layers_keep_their_learning_rates() -> None:
    encoder = tiny_architectures.build("bert")
    add_adapter(encoder, RANK)
    factors = learning_rate_factors(encoder, "bert", 0.5)
    assert {factors[name] for name in adapter_weights(encoder) if ".layer.0." in name} == {0.5}
    assert {factors[name] for name in adapter_weights(encoder) if ".layer.1." in name} == {1.0}
