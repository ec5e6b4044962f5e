"""The code that is exported beside a model's weights computes as sweeper does, with the interface of transformers."""

import ast
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig

from sweeper.training import modeling_pooled_classifier as exported
from sweeper.training.pooling import pool
from sweeper.training.registry import POOLINGS

SIZES = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 20}
IDS = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


def build(**fields: Any) -> Any:
    """Return a small random model of three classes in evaluation mode."""
    encoder = AutoConfig.for_model("bert", **SIZES)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = exported.PooledClassifierConfig(encoder, max_tokens=5, **{"num_labels": 3, **fields})
        return exported.PooledForSequenceClassification(config).eval()


def test_it_imports_only_torch_and_transformers() -> None:
    tree = ast.parse(Path(exported.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports}
    assert {str(name).partition(".")[0] for name in names} == {"collections", "typing", "torch", "transformers"}


@pytest.mark.parametrize("name", POOLINGS)
def test_each_pooling_is_that_of_sweeper(name: str) -> None:
    hidden = torch.randn(4, 6, 3)
    lengths = torch.tensor([6, 3, 2, 1])
    mask = (torch.arange(6) < lengths[:, None]).long()
    expected = pool(hidden, mask, name, recurrent=False, max_length=7)
    assert torch.equal(exported.POOLINGS[name](hidden, mask, 7), expected)
    assert set(exported.POOLINGS) == set(POOLINGS)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("head", ["linear", "mlp"])
@torch.no_grad()
def test_padding_changes_nothing(pooling: str, head: str) -> None:
    model = build(pooling=pooling, head=head)
    alone = model(IDS[1:, :3]).logits  # without a mask, no token is padding
    assert torch.allclose(model(IDS, attention_mask=MASK).logits[1:], alone, atol=1e-6)
    assert torch.allclose(model(IDS, attention_mask=MASK.bool()).logits[1:], alone, atol=1e-6)


def test_the_loss_is_that_of_the_problem_type() -> None:
    classes, sets = torch.tensor([0, 2]), torch.tensor([[1.0, 0, 1], [0, 0, 0]])
    single = build(problem_type="single_label_classification")(IDS, attention_mask=MASK, labels=classes)
    assert torch.equal(single.loss, functional.cross_entropy(single.logits, classes))
    several = build(problem_type="multi_label_classification")(IDS, attention_mask=MASK, labels=sets)
    assert torch.equal(several.loss, functional.binary_cross_entropy_with_logits(several.logits, sets))
    several.loss.backward()


@torch.no_grad()
def test_hidden_states_and_attentions_are_passed_on() -> None:
    model = build()
    model.set_attn_implementation("eager")
    output = model(IDS, attention_mask=MASK, output_hidden_states=True, output_attentions=True)
    assert [tuple(state.shape) for state in output.hidden_states] == [(2, 4, 8)] * 3
    assert [tuple(weights.shape) for weights in output.attentions] == [(2, 2, 4, 4)] * 2
    plain = model(IDS, attention_mask=MASK)
    assert (plain.loss, plain.hidden_states, plain.attentions) == (None, None, None)


@torch.no_grad()
def test_an_output_is_a_tuple_if_asked_for() -> None:
    model = build()
    (logits,) = model(IDS, attention_mask=MASK, return_dict=False)
    assert torch.equal(logits, model(IDS, attention_mask=MASK).logits)


@torch.no_grad()
def test_embeddings_can_stand_for_tokens_and_token_types_are_read() -> None:
    model = build()
    logits: Tensor = model(IDS, attention_mask=MASK).logits
    vectors = model.get_input_embeddings()(IDS)
    assert torch.equal(model(inputs_embeds=vectors, attention_mask=MASK).logits, logits)
    types = torch.tensor([[0, 0, 1, 1], [0, 1, 1, 0]])
    assert not torch.allclose(model(IDS, attention_mask=MASK, token_type_ids=types).logits, logits)


def test_the_dropout_of_the_head_works_in_training() -> None:
    for head in ("linear", "mlp"):
        layers = build(head=head, head_dropout=0.5).classifier.train()
        assert layers.dropout.p == 0.5
        assert not torch.equal(layers(torch.ones(1, 8)), layers(torch.ones(1, 8)))
