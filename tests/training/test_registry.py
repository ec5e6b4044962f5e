"""Every entry of the registries is complete, its function works, and the config is made from the entries."""

import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.data.encoder_catalog import SCRATCH_ENCODERS
from sweeper.training import model
from sweeper.training.config import ACTIVE_WHEN, HYPERPARAMETERS, TrainConfig, validation_error
from sweeper.training.losses import AnchorLosses, similarity_matrix
from sweeper.training.metric import Metric
from sweeper.training.metric_registry import METRICS, find_metric
from sweeper.training.named_function import load_function
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.registry import (
    AVERAGES,
    ENCODER_KINDS,
    LOSSES,
    POOLINGS,
    PRETRAINED,
    Average,
    EncoderKind,
    Loss,
    Pooling,
    encoder_kind,
)
from sweeper.training.types import EncoderWeights, TrainingData
from tests.support import tiny_training

LABELS = torch.tensor([0, 1, 0, 2])
CONTRASTIVE = [name for name, loss in LOSSES.items() if loss.contrastive_term]
ENTRIES: list[Loss | EncoderKind | Pooling | Average | Metric] = [
    *LOSSES.values(),
    *ENCODER_KINDS.values(),
    *POOLINGS.values(),
    *AVERAGES.values(),
    *METRICS.values(),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.label)
def test_every_entry_has_a_label_and_a_sentence(entry: Loss | EncoderKind | Pooling | Average | Metric) -> None:
    assert entry.label
    assert entry.description[0].isupper()
    assert entry.description.endswith(".")


@pytest.mark.parametrize("name", CONTRASTIVE)
def test_a_contrastive_term_gives_one_loss_per_anchor(name: str) -> None:
    loss = LOSSES[name]
    similarity = similarity_matrix(torch.randn(4, 8), 0.3, normalize=True)
    weighting = [torch.randn(4, 3)] if loss.has_weighting_network else []
    anchor_losses: AnchorLosses = load_function(str(loss.contrastive_term))(similarity, LABELS, *weighting)
    assert anchor_losses.values.shape == (4,)
    assert anchor_losses.valid.tolist() == [True, False, True, False]


@pytest.mark.parametrize("kind", ENCODER_KINDS.values(), ids=lambda kind: kind.label)
def test_an_encoder_comes_from_a_module_that_workers_import_before_the_first_trial(kind: EncoderKind) -> None:
    built_in, _, _ = kind.build.partition(":")
    assert built_in in kind.modules or not kind.is_pretrained
    for module in kind.modules:
        import_module(module)


def test_a_loss_has_the_hyperparameters_of_its_parts() -> None:
    for loss in LOSSES.values():
        active = set(loss.hyperparameters)
        is_contrastive = loss.contrastive_term is not None
        assert ({"tau", "normalize", "reduction", "views", "memory", "gradient_cache"} <= active) == is_contrastive
        assert ("alpha" in active) == (is_contrastive and not loss.has_two_phases)
        assert ({"weighting", "detach_weights"} <= active) == loss.has_weighting_network
        assert ({"contrastive_epochs", "classifier_learning_rate"} <= active) == loss.has_two_phases


@pytest.mark.parametrize("name", ENCODER_KINDS)
def test_an_encoder_kind_builds_an_encoder_with_hidden_states(name: str, data: TrainingData) -> None:
    encoder = data.encoder if name == PRETRAINED else EncoderWeights(name, {}, {}, 0)
    config = tiny_training.config(hidden_size=32)
    module: nn.Module = load_function(ENCODER_KINDS[name].build)(encoder, config)
    ids = torch.tensor([[2, 11, 3]])
    assert module(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.shape == (1, 3, 32)


def test_any_other_encoder_is_pretrained() -> None:
    assert encoder_kind("google/electra-base-discriminator") is ENCODER_KINDS[PRETRAINED]
    assert encoder_kind("gru") is ENCODER_KINDS["gru"]
    assert not ENCODER_KINDS[PRETRAINED].hyperparameters  # is_active compares names of encoders


@pytest.mark.parametrize("name", POOLINGS)
def test_a_pooling_gives_features_of_the_width_that_its_entry_says(name: str, data: TrainingData) -> None:
    config = tiny_training.config(pooling=name, max_length=6)
    classifier = model.Classifier(config, data)
    width = 32 * (6 if POOLINGS[name].keeps_all_tokens else 1)
    hidden, mask = torch.randn(2, 4, 32), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    assert load_function(POOLINGS[name].function)(hidden, mask, False, 6).shape == (2, width)
    assert classifier.classifier.output.in_features == width  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.function])
def test_a_metric_of_a_confusion_matrix_is_a_number_between_0_and_1(name: str) -> None:
    value = load_function(str(METRICS[name].function))(np.array([[3, 1, 0], [0, 2, 2], [1, 0, 0]]))
    assert type(value) is float
    assert 0 <= value <= 1


def test_an_objective_accepts_the_metrics_that_have_a_better_direction() -> None:
    for name, metric in METRICS.items():
        for key, better in (("maximize", "higher"), ("minimize", "lower")):
            is_accepted = True
            try:
                ObjectiveMetric.model_validate({key: f"validation/{name}"})
            except ValueError:
                is_accepted = False
            assert is_accepted == (metric.better == better and metric.is_objective)


@pytest.mark.parametrize("class_name", ["joy", "so so", "Sci/Tech", "1", "?! 😀"])
def test_the_f1_of_a_class_can_be_maximized_and_nothing_else_of_it(class_name: str) -> None:
    objective = ObjectiveMetric.model_validate({"maximize": f"validation/f1/{class_name}"})
    assert objective.name == f"f1/{class_name}"
    assert objective == ObjectiveMetric.model_validate(objective.model_dump())
    assert find_metric(objective.name).class_name == class_name
    for key, kind in (("minimize", "f1"), ("maximize", "recall"), ("maximize", "precision"), ("maximize", "f2")):
        with pytest.raises(ValueError, match=key):
            ObjectiveMetric.model_validate({key: f"validation/{kind}/{class_name}"})


@pytest.mark.parametrize(
    ("hyperparameter", "entries"), [("loss", LOSSES), ("pooling", POOLINGS), ("average", AVERAGES)]
)
def test_the_config_accepts_the_registered_names_only(hyperparameter: str, entries: dict[str, object]) -> None:
    assert all(validation_error(hyperparameter, name) is None for name in entries)
    rule = validation_error(hyperparameter, "none of them")
    assert rule is not None
    assert all(f"'{name}'" in rule for name in entries)


def test_conditions_name_hyperparameters_that_exist() -> None:
    assert set(ACTIVE_WHEN) <= set(HYPERPARAMETERS)
    assert ACTIVE_WHEN["alpha"] == {"loss": ("scl", "scl_set_tau", "lcl", "lcl_inside", "prototypes")}
    assert ACTIVE_WHEN["hidden_size"] == {"encoder": ("rnn", "gru")}
    assert ACTIVE_WHEN["ema_decay"] == {"average": ("ema",)}


def test_every_hyperparameter_has_a_description_and_a_unit_if_it_is_a_number() -> None:
    for name, field in TrainConfig.model_fields.items():
        extra = field.json_schema_extra
        assert field.description
        assert field.description.endswith(".")
        assert isinstance(extra, dict)
        assert bool(extra["unit"]) == (field.annotation in (int, float) and name != "seed")


@pytest.mark.parametrize("module", ["registry", "config", "objective", "types", "phases", "strict_model"])
def test_the_description_of_a_training_does_not_import_torch(module: str) -> None:
    heavy = "{'torch', 'numpy', 'transformers'}"
    code = f"import sys, sweeper.training.{module}; print(sorted(sys.modules.keys() & {heavy}))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_the_encoders_that_messages_name_are_those_trained_from_scratch() -> None:
    assert {name for name, kind in ENCODER_KINDS.items() if not kind.is_pretrained} == set(SCRATCH_ENCODERS)
