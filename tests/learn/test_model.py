"""The model: built from arrays it is the encoder that they came from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from sweeper.learn import model
from sweeper.learn.batches import Batch
from sweeper.ports import Encoder, TrainingData
from tests.learn import tiny

IDS = torch.tensor([[2, 11, 12, 3], [2, 13, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
TEXTS = Batch(IDS, MASK, torch.tensor([0, 1]))


@pytest.fixture
def folder(tmp_path: Path, data: TrainingData) -> Path:
    """The tiny encoder as transformers saves it."""
    built = model.build(data.encoder, tiny.config())
    built.save_pretrained(tmp_path / "encoder")  # type: ignore[operator]
    return tmp_path / "encoder"


def same(one: Encoder, other: Encoder) -> bool:
    return one.weights.keys() == other.weights.keys() and all(
        np.array_equal(array, other.weights[name]) for name, array in one.weights.items()
    )


def test_a_built_encoder_computes_what_transformers_computes(folder: Path, data: TrainingData) -> None:
    theirs = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    ours = model.build(data.encoder, tiny.config()).eval()
    with torch.no_grad():
        expected, found = (net(input_ids=IDS, attention_mask=MASK).last_hidden_state for net in (theirs, ours))
    assert torch.equal(expected, found)


def test_a_built_encoder_is_ready_to_train_in_float32(data: TrainingData) -> None:
    built = model.build(data.encoder, tiny.config())
    assert built.training
    assert {parameter.dtype for parameter in built.parameters()} == {torch.float32}
    assert all(parameter.requires_grad for parameter in built.parameters())


def test_a_built_encoder_has_arrays_of_its_own(data: TrainingData) -> None:
    with torch.no_grad():
        for parameter in model.build(data.encoder, tiny.config()).parameters():
            parameter.zero_()
    assert same(data.encoder, tiny.encoder())


def test_an_encoder_comes_back_from_its_folder(folder: Path, data: TrainingData) -> None:
    found = model.pretrained(folder, "tiny", 0)
    assert (found.name, found.padding) == ("tiny", 0)
    assert same(found, data.encoder)
    assert same(model.pretrained(folder, "again", 0), data.encoder)
    assert model.build(found, tiny.config()).config.hidden_size == 32  # type: ignore[union-attr]


def test_features_are_the_first_token_and_do_not_depend_on_padding(data: TrainingData) -> None:
    net = model.Classifier(tiny.config(), data).eval()
    with torch.no_grad():
        padded = net(TEXTS)
        alone = net(Batch(IDS[1:, :3], MASK[1:, :3], TEXTS.labels[1:]))
        hidden = net.encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    assert torch.equal(padded.features, hidden[:, 0])
    torch.testing.assert_close(padded.features[1:], alone.features)
    torch.testing.assert_close(padded.logits[1:], alone.logits)


@pytest.mark.parametrize(("loss", "weighs"), [("ce", False), ("scl", False), ("lcl", True)])
def test_the_weighting_network_is_there_for_lcl_alone(data: TrainingData, loss: str, weighs: bool) -> None:
    net = model.Classifier(tiny.config(loss=loss), data)
    assert (net(TEXTS).weighting is not None) == weighs
    assert net(TEXTS, weigh=False).weighting is None
    assert (net.weighting_encoder is not None) == weighs


def test_a_weighting_head_needs_no_second_encoder(data: TrainingData) -> None:
    net = model.Classifier(tiny.config(loss="lcl", weighting="shared"), data)
    assert net.weighting_encoder is None
    assert net(TEXTS).weighting.shape == (2, 3)


def test_heads_of_one_seed_are_the_same(data: TrainingData) -> None:
    heads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        heads.append(model.Classifier(tiny.config(), data).classifier.state_dict()["output.weight"])
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
