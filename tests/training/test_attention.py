"""Attention on a CPU gives what torch's attention gives."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from sweeper.training.attention import attention, use_cpu_attention
from sweeper.training.phase_trainer import PhaseTrainer
from sweeper.training.phases import phase_of_epoch
from sweeper.training.training_setup import prepare_training
from sweeper.training.types import TrainingData
from tests.support import tiny_training

SMALL = {"vocab_size": 40, "pad_token_id": 0}
ENCODERS: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "roberta": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "electra": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2},  # causal
    "llama": {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 32,
    },  # causal, in groups of queries
    "deberta-v2": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "modernbert": {
        "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
        "cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2,
    },  # local attention in every other layer
}  # fmt: skip
NO_DROPOUT = (
    "dropout attention_dropout hidden_dropout_prob attention_probs_dropout_prob attn_pdrop embd_pdrop resid_pdrop"
)


def build(kind: str) -> nn.Module:
    """An encoder with random weights and no dropout, in training mode."""
    config = AutoConfig.for_model(kind, **SMALL, **ENCODERS[kind])
    for name in NO_DROPOUT.split():
        if hasattr(config, name):
            setattr(config, name, 0.0)
    torch.manual_seed(0)
    module: nn.Module = AutoModel.from_config(config)
    return module.train()


def outputs_and_gradients(module: nn.Module, lengths: list[int]) -> list[Tensor]:
    ids = torch.arange(len(lengths) * max(lengths)).reshape(len(lengths), -1) % 35 + 3
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    hidden = module(input_ids=ids * mask, attention_mask=mask).last_hidden_state[mask.bool()]
    hidden.square().sum().backward()
    return [hidden.detach(), *(p.grad for p in module.parameters() if p.grad is not None)]


@pytest.mark.parametrize("lengths", [[7, 7], [9, 4, 1]])
@pytest.mark.parametrize("kind", ENCODERS)
def test_encoders_give_the_same_outputs_and_gradients(kind: str, lengths: list[int]) -> None:
    module = build(kind)
    expected = outputs_and_gradients(module, lengths)
    module.zero_grad()
    use_cpu_attention(module)
    for tensor, other in zip(outputs_and_gradients(module, lengths), expected, strict=True):
        torch.testing.assert_close(tensor, other, rtol=1e-4, atol=1e-4)


def losses_of_an_epoch(data: TrainingData, *, fast_on_cpu: bool, **hyperparameters: Any) -> list[float]:
    setup = prepare_training(tiny_training.config(**hyperparameters), data, fast_on_cpu=fast_on_cpu)
    setup.model.train()
    trainer = PhaseTrainer(setup, phase_of_epoch(setup.config, 0))
    batches = np.arange(len(data.splits["train"])).reshape(-1, 8)
    return [trainer.train_batch(rows, k, len(batches))["train/loss"].item() for k, rows in enumerate(batches)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", ["ce", "lcl"])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bf16", 2e-2)])
def test_without_dropout_a_training_gives_the_same_losses(
    seed: int, loss: str, precision: str, tolerance: float
) -> None:
    data = tiny_training.data(dropout=0.0, seed=seed)
    hyperparameters = {"dropout": 0.0, "seed": seed, "loss": loss, "precision": precision}
    fast, plain = (losses_of_an_epoch(data, fast_on_cpu=fast, **hyperparameters) for fast in (True, False))
    assert fast == pytest.approx(plain, rel=tolerance)


def test_dropout_is_applied_to_the_weights_of_attention_in_training_only() -> None:
    module = nn.Module()
    module.is_causal = False  # type: ignore[assignment]
    query, key = torch.zeros(1, 2, 60, 4), torch.zeros(1, 2, 60, 4)  # all weights are 1 / 60
    torch.manual_seed(0)
    output, _ = attention(module, query, key, torch.ones(1, 2, 60, 4), None, dropout=0.5)
    assert output.shape == (1, 60, 2, 4)
    assert output.mean().item() == pytest.approx(1, abs=0.05)
    assert output.std().item() > 0.05
    scored, _ = attention(module.eval(), query, key, torch.ones(1, 2, 60, 4), None)
    torch.testing.assert_close(scored, torch.ones(1, 60, 2, 4))
