"""The model: an encoder built from arrays equals the one that they came from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from sweeper.errors import UsageError
from sweeper.training import model
from sweeper.training.batching import Batch
from sweeper.training.pretrained import load_pretrained
from sweeper.training.types import EncoderWeights, TrainingData
from tests.support import tiny_architectures, tiny_training

IDS = torch.tensor([[2, 11, 12, 3], [2, 13, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
TEXTS = Batch(IDS, MASK, torch.tensor([0, 1]))


@pytest.fixture
def folder(tmp_path: Path, data: TrainingData) -> Path:
    """The tiny encoder as transformers saves it."""
    built = model.build_encoder(data.encoder, tiny_training.config())
    built.save_pretrained(tmp_path / "encoder")  # type: ignore[operator]
    return tmp_path / "encoder"


def have_equal_weights(first: EncoderWeights, second: EncoderWeights) -> bool:
    return first.weights.keys() == second.weights.keys() and all(
        np.array_equal(array, second.weights[name]) for name, array in first.weights.items()
    )


def test_a_built_encoder_computes_what_transformers_computes(folder: Path, data: TrainingData) -> None:
    theirs = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    ours = model.build_encoder(data.encoder, tiny_training.config()).eval()
    with torch.no_grad():
        expected, hidden = (net(input_ids=IDS, attention_mask=MASK).last_hidden_state for net in (theirs, ours))
    assert torch.equal(expected, hidden)


def test_a_built_encoder_is_ready_to_train_in_float32(data: TrainingData) -> None:
    built = model.build_encoder(data.encoder, tiny_training.config())
    assert built.training
    assert {parameter.dtype for parameter in built.parameters()} == {torch.float32}
    assert all(parameter.requires_grad for parameter in built.parameters())


def test_a_built_encoder_copies_the_weights(data: TrainingData) -> None:
    with torch.no_grad():
        for parameter in model.build_encoder(data.encoder, tiny_training.config()).parameters():
            parameter.zero_()
    assert have_equal_weights(data.encoder, tiny_training.encoder())


def test_an_encoder_is_loaded_from_its_folder(folder: Path, data: TrainingData) -> None:
    loaded = load_pretrained(folder, "tiny", 0)
    assert (loaded.name, loaded.padding) == ("tiny", 0)
    assert have_equal_weights(loaded, data.encoder)
    assert have_equal_weights(load_pretrained(folder, "again", 0), data.encoder)
    assert model.build_encoder(loaded, tiny_training.config()).config.hidden_size == 32  # type: ignore[union-attr]


def test_features_are_the_first_tokens_vector_and_do_not_depend_on_padding(data: TrainingData) -> None:
    net = model.Classifier(tiny_training.config(), data).eval()
    with torch.no_grad():
        padded = net(TEXTS)
        alone = net(Batch(IDS[1:, :3], MASK[1:, :3], TEXTS.labels[1:]))
        hidden = net.encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    assert torch.equal(padded.features, hidden[:, 0])
    torch.testing.assert_close(padded.features[1:], alone.features)
    torch.testing.assert_close(padded.logits[1:], alone.logits)


@pytest.mark.parametrize(("loss", "has_weighting"), [("ce", False), ("scl", False), ("lcl", True)])
def test_only_lcl_has_a_weighting_network(data: TrainingData, loss: str, has_weighting: bool) -> None:
    net = model.Classifier(tiny_training.config(loss=loss), data)
    assert (net(TEXTS).weighting_logits is not None) == has_weighting
    assert net(TEXTS, weigh=False).weighting_logits is None
    assert (net.weighting_encoder is not None) == has_weighting


def test_a_shared_weighting_network_needs_no_second_encoder(data: TrainingData) -> None:
    net = model.Classifier(tiny_training.config(loss="lcl", weighting="shared"), data)
    assert net.weighting_encoder is None
    assert net(TEXTS).weighting_logits.shape == (2, 3)


@pytest.mark.parametrize(("classifier", "layers"), [("linear", {"output"}), ("mlp", {"hidden", "output"})])
def test_the_classifier_is_linear_or_an_mlp_as_wide_as_the_features(
    data: TrainingData, classifier: str, layers: set[str]
) -> None:
    net = model.Classifier(tiny_training.config(classifier=classifier), data)
    shapes = {name: tuple(value.shape) for name, value in net.classifier.state_dict().items()}
    assert {name.partition(".")[0] for name in shapes} == layers
    assert shapes["output.weight"] == (3, 32)
    assert shapes.get("hidden.weight", (32, 32)) == (32, 32)


def test_only_frozen_embeddings_have_no_gradient(data: TrainingData) -> None:
    net = model.Classifier(tiny_training.config(freeze_embeddings=True), data)
    frozen = [name for name, parameter in net.named_parameters() if not parameter.requires_grad]
    assert frozen == ["encoder.embeddings.word_embeddings.weight"]


def test_flatten_uses_all_tokens_and_refuses_too_many_weights(data: TrainingData) -> None:
    net = model.Classifier(tiny_training.config(pooling="flatten", max_length=16), data).eval()
    assert net(TEXTS).features.shape == (2, 16 * 32)
    rule = model.size_rule("flatten", "mlp", 768, 128, 5)
    assert "98,304 features of 128 tokens" in rule
    assert "use cls or mean, or a smaller max_length" in rule
    assert model.size_rule("flatten", "linear", 768, 128, 5) == ""
    assert model.size_rule("cls", "mlp", 768, 128, 5) == ""
    with pytest.raises(UsageError, match="pooling: flatten makes"):
        model.Classifier(tiny_training.config(pooling="flatten", classifier="mlp", max_length=512), data)


def test_token_types_reach_the_encoder(data: TrainingData) -> None:
    net = model.Classifier(tiny_training.config(), data).eval()
    second = Batch(IDS, MASK, TEXTS.labels, torch.tensor([[0, 0, 1, 1], [0, 1, 1, 0]]))
    zeros = Batch(IDS, MASK, TEXTS.labels, torch.zeros_like(IDS))
    assert torch.equal(net(zeros).features, net(TEXTS).features)
    assert not torch.equal(net(second).features, net(TEXTS).features)


def test_two_views_of_a_text_differ_only_by_dropout(data: TrainingData) -> None:
    net = model.Classifier(tiny_training.config(), data)
    twice = TEXTS.repeat(2)
    assert twice.labels.tolist() == [0, 1, 0, 1]
    views = net(twice).features
    assert not torch.equal(views[:2], views[2:])
    views = net.eval()(twice).features
    assert torch.equal(views[:2], views[2:])


@pytest.mark.parametrize("kind", tiny_architectures.KINDS)
@pytest.mark.parametrize("weights", ["safetensors", "bin"])
def test_every_architecture_trains_from_its_folder(kind: str, weights: str, tmp_path: Path, data: TrainingData) -> None:
    original = tiny_architectures.build(kind)
    original.save_pretrained(tmp_path)
    if weights == "bin":
        torch.save(original.state_dict(), tmp_path / "pytorch_model.bin")
        (tmp_path / "model.safetensors").unlink()
    encoder = load_pretrained(tmp_path, kind, 0)
    assert encoder.width == 32
    net = model.Classifier(tiny_training.config(loss="lcl", pooling="mean"), replace(data, encoder=encoder)).eval()
    with torch.no_grad():
        expected = original.eval()(input_ids=IDS, attention_mask=MASK).last_hidden_state
        assert torch.allclose(net.encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state, expected)
    outputs = net.train()(TEXTS)
    (outputs.logits.sum() + outputs.weighting_logits.sum()).backward()
    assert outputs.features.shape == (2, 32)


def test_the_same_seed_gives_the_same_head(data: TrainingData) -> None:
    heads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        heads.append(model.Classifier(tiny_training.config(), data).classifier.state_dict()["output.weight"])
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
