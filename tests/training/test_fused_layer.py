"""Layers that are fused for a CPU give what those of transformers give: outputs, gradients and random numbers."""

import gc
import weakref
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from sweeper.training.attention import use_cpu_attention
from sweeper.training.dropout import replace_dropout
from sweeper.training.fused_layer import FusedLayer, fuse_layers
from sweeper.training.gradient_norm import GradientNorm
from sweeper.training.kept_weights import find_kept_weights
from sweeper.training.training_setup import prepare_training
from tests.support import tiny_training

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
ENCODERS = {
    "bert": {},
    "electra": {"embedding_size": 8},  # projected to hidden_size, so that under autocast the first layer gets bfloat16
    "roberta": {},
    "xlm-roberta": {},
    "camembert": {},
}
LENGTHS = [9, 4, 1]


def build(kind: str = "bert", *, fused: bool = True, dropout: float = 0.1, **options: Any) -> nn.Module:
    """An encoder in training mode, whose weights are random, norms and biases included."""
    options = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout, **options}
    torch.manual_seed(0)
    module: nn.Module = AutoModel.from_config(
        AutoConfig.for_model(kind, vocab_size=40, pad_token_id=0, **SIZES, **ENCODERS[kind], **options)
    )
    for parameter in module.parameters():
        nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.3)
    replace_dropout(module)
    use_cpu_attention(module)
    if fused:
        fuse_layers(module)
    return module.train()


def output(module: nn.Module, lengths: list[int] = LENGTHS) -> Tensor:
    """The vectors of texts whose tokens are numbered; dropout has seed 1."""
    ids = torch.arange(len(lengths) * max(lengths)).reshape(len(lengths), -1) % 35 + 3
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    torch.manual_seed(1)
    hidden: Tensor = module(input_ids=ids * mask, attention_mask=mask).last_hidden_state[mask.bool()]
    return hidden


def train(module: nn.Module, lengths: list[int] = LENGTHS) -> dict[str, Tensor]:
    """Add the gradients of a loss. Returns the output and the gradients by name."""
    hidden = output(module, lengths)
    hidden.float().pow(2).mean(dim=1).sin().sum().backward()  # type: ignore[no-untyped-call]
    gradients = {name: part.grad for name, part in module.named_parameters() if part.grad is not None}
    return {"output": hidden.detach(), **gradients}


def fused_layers(module: nn.Module) -> list[FusedLayer]:
    return [part for part in module.modules() if isinstance(part, FusedLayer)]


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("lengths", [[7, 7], LENGTHS])
@pytest.mark.parametrize("kind", ENCODERS)
def test_outputs_and_all_gradients_are_those_of_transformers(kind: str, lengths: list[int], dropout: float) -> None:
    fused, plain = (build(kind, fused=fused, dropout=dropout).double() for fused in (True, False))
    torch.testing.assert_close(train(fused, lengths), train(plain, lengths), rtol=1e-9, atol=1e-9)
    assert [bool(layer.attention_weights.gradients.wholes) for layer in fused_layers(fused)] == [True, True]


@pytest.mark.parametrize("kind", ENCODERS)
def test_bfloat16_is_as_exact_as_autocast(kind: str) -> None:
    exact = train(build(kind, fused=False, dropout=0.0))
    with torch.autocast("cpu", torch.bfloat16):
        found = [train(build(kind, fused=fused, dropout=0.0)) for fused in (True, False)]
    names = [name for name in exact if name != "output"]
    fused, plain = (sum((other[name] - exact[name]).square().sum() for name in names) for other in found)
    assert fused < 1.2 * plain
    assert found[0]["output"].dtype == torch.float32


def test_dropout_draws_the_same_masks_in_bfloat16() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        fused, plain = (output(build(fused=fused, dropout=0.5)) for fused in (True, False))
    torch.testing.assert_close(fused, plain, rtol=0, atol=0.1)  # another mask changes values by 1


def test_gradients_of_several_batches_are_added() -> None:
    fused, plain = build(), build(fused=False)
    for lengths in ([5, 3], LENGTHS):
        gradients, expected = train(fused, lengths), train(plain, lengths)
    torch.testing.assert_close(gradients, expected, rtol=1e-4, atol=1e-4)


def test_the_next_update_has_only_its_own_gradients() -> None:
    module = build()
    first = {name: value.clone() for name, value in train(module).items()}
    module.zero_grad()
    train(module, [5, 3])
    module.zero_grad()
    assert all(torch.equal(value, first[name]) for name, value in train(module).items())


def test_gradients_from_a_checkpoint_are_added_to() -> None:
    module, expected = build(), build(fused=False)
    for encoder in (module, expected):
        for parameter in encoder.parameters():
            parameter.grad = torch.full_like(parameter, 0.5)
    torch.testing.assert_close(train(module), train(expected), rtol=1e-4, atol=1e-4)


def test_weights_may_change_between_updates() -> None:
    modules = build(), build(fused=False)
    for module in modules:
        train(module)
        module.zero_grad()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.mul_(0.9)
    torch.testing.assert_close(*map(train, modules), rtol=1e-4, atol=1e-4)


def test_a_copy_has_weights_and_gradients_of_its_own() -> None:
    module = build()
    copy = deepcopy(module)
    expected = {name: value.clone() for name, value in train(module).items()}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    torch.testing.assert_close(train(copy), expected)
    assert len(fused_layers(copy)) == 2


def test_scoring_and_long_texts_are_left_to_transformers() -> None:
    fused, plain = build(dropout=0.0), build(fused=False, dropout=0.0)
    torch.testing.assert_close(train(fused, [129, 3]), train(plain, [129, 3]))  # to the last bit
    assert torch.equal(output(fused.eval()), output(plain.eval()))
    with torch.no_grad():
        assert torch.equal(output(fused.train()), output(plain.train()))


def test_a_finished_model_leaves_the_memory_at_once() -> None:
    module = build()
    train(module)
    weight = weakref.ref(next(fused_layers(module)[0].parameters()))
    gc.disable()
    try:
        del module
        assert weight() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("options", [{"hidden_act": "gelu_new"}, {"hidden_act": "relu"}, {"is_decoder": True}])
def test_other_layers_are_left_alone(options: dict[str, Any]) -> None:
    assert not fused_layers(build(**options))


def test_layers_with_frozen_weights_or_other_modules_are_left_alone() -> None:
    module = build(fused=False)
    module.encoder.layer[0].output.dense.bias.requires_grad_(False)  # type: ignore[union-attr, index]
    module.encoder.layer[1].output.dense = nn.Sequential(nn.Linear(32, 16), nn.Tanh())  # type: ignore[union-attr, index]
    fuse_layers(module)
    assert not fused_layers(module)


@pytest.mark.parametrize(("precision", "expected"), [("bf16", 2), ("float32", 0)])
def test_a_training_fuses_layers_only_where_that_is_faster(precision: str, expected: int) -> None:
    setup = prepare_training(tiny_training.config(precision=precision), tiny_training.data())
    assert len(fused_layers(setup.model)) == expected


def test_frozen_embeddings_need_no_gradient() -> None:
    module, plain = build(), build(fused=False)
    for encoder in (module, plain):
        encoder.embeddings.requires_grad_(False)
    torch.testing.assert_close(train(module), train(plain), rtol=1e-4, atol=1e-4)


def expected_norm(module: nn.Module) -> Tensor:
    """Return the norm of all gradients as one vector, in float64."""
    gradients = [part.grad.flatten().double() for part in module.parameters() if part.grad is not None]
    norm: Tensor = torch.linalg.vector_norm(torch.cat(gradients))
    return norm.float()


def num_together(module: nn.Module) -> int:
    """Return how many groups of weights have their gradients in one piece of memory."""
    return sum(weights.gradient_norm() is not None for weights in find_kept_weights(module))


def test_gradients_that_lie_together_have_the_norm_of_all_of_them() -> None:
    module = build()
    norm = GradientNorm(module)
    for lengths in (LENGTHS, [5, 3]):  # of the second batch, gradients are added
        train(module, lengths)
        assert num_together(module) == 4  # two layers of two groups
        torch.testing.assert_close(norm(), expected_norm(module))


def test_gradients_from_a_checkpoint_lie_apart_until_the_next_batch() -> None:
    module = build()
    norm = GradientNorm(module)
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    assert num_together(module) == 0
    torch.testing.assert_close(norm(), expected_norm(module))
    train(module)
    assert num_together(module) == 4
    torch.testing.assert_close(norm(), expected_norm(module))


def test_a_gradient_that_is_replaced_or_missing_counts_as_it_is() -> None:
    module = build()
    train(module)
    weights = find_kept_weights(module)[0]
    first, second, *_ = weights.parameters
    first.grad, second.grad = torch.ones_like(first), None
    assert num_together(module) == 3
    torch.testing.assert_close(GradientNorm(module)(), expected_norm(module))
    train(module, [5, 3])
    assert num_together(module) == 4
    torch.testing.assert_close(GradientNorm(module)(), expected_norm(module))
