"""Checks of a search space against its data and encoders, before any trial starts."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from sweeper.data.encoder_config import max_tokens_of_folder, read_encoder_config
from sweeper.errors import UsageError
from sweeper.search_space.combinations import batches_rule
from sweeper.search_space.critical_configs import critical_configs
from sweeper.search_space.space_values import path_of
from sweeper.search_space.spec_checks import unknown_class_rule
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.training.metric_registry import find_metric
from sweeper.training.objective import DEFAULT_OBJECTIVE
from sweeper.training.types import EncoderWeights
from sweeper.wording import count_noun, quote_value


def require_enough_batches(spec: SweepSpec, num_texts: int) -> None:
    """Raise UsageError if an epoch of some trial has fewer batches than validations, with `num_texts` in train."""
    if rule := batches_rule(spec, num_texts):
        raise UsageError(spec.message(("training", "validations_per_epoch"), rule))


def require_defined_objective(spec: SweepSpec, num_texts: Mapping[str, int]) -> None:
    """Raise UsageError if the objective is undefined on validation, which has `num_texts` of each class.

    Also if it is about one class that is unknown, or of which validation has no text.
    """
    metric, path = find_metric(spec.objective.name), ("objective", spec.objective.direction)
    if metric.class_name is not None and metric.class_name not in num_texts:
        raise UsageError(spec.message(path, unknown_class_rule(metric.class_name, list(num_texts))))
    needed_classes: Collection[str] = num_texts if metric.needs_every_class else ()
    if metric.class_name is not None:
        needed_classes = (metric.class_name,)
    absent_classes = [name for name in needed_classes if not num_texts[name]]
    if absent_classes:
        classes = quote_value(absent_classes[0])
        if len(absent_classes) > 1:
            classes += f" and {count_noun(len(absent_classes) - 1, 'other class', 'other classes', form=',')}"
        rule = f"is undefined, because validation has no text of {classes}"
        remedy = f"use another objective, such as {DEFAULT_OBJECTIVE}"
        raise UsageError(spec.message(path, f"{rule}; {remedy}"))


def require_enough_positions(spec: SweepSpec, encoder: str, folder: Path) -> None:
    """Raise UsageError if the encoder in a folder takes fewer tokens than max_length. Its configuration says so."""
    limit = max_tokens_of_folder(folder, read_encoder_config(folder, encoder))
    if limit is not None:
        require_fitting_length(spec, encoder, limit)


def require_fitting_length(spec: SweepSpec, encoder: str, max_tokens: int) -> None:
    """Raise UsageError if an encoder takes fewer tokens than max_length."""
    if spec.max_tokens > max_tokens:
        rule = f"{encoder} takes {max_tokens} tokens at most, got {spec.max_tokens}; use a smaller max_length"
        raise UsageError(spec.message(path_of(spec.space, "max_length"), rule))


def require_fitting_classifier(spec: SweepSpec, encoder: EncoderWeights, num_classes: int) -> None:
    """Raise UsageError if some classifier on the vectors of all tokens would not fit memory."""
    from sweeper.training.model import size_rule

    for config in _configs_with(encoder, spec, "pooling", "classifier", "max_length"):
        rule = size_rule(config.pooling, config.classifier, encoder.width, config.max_length, num_classes)
        if rule:
            raise UsageError(spec.message(path_of(spec.space, "pooling"), rule))


def require_fitting_layers(spec: SweepSpec, encoder: EncoderWeights) -> None:
    """Raise UsageError if some training needs more layers than the encoder has, or they cannot be found."""
    from sweeper.training.layers import LayersError
    from sweeper.training.model import check_layers

    for config in _configs_with(encoder, spec, "layer_decay", "reinit_layers", "lora"):
        try:
            check_layers(encoder, config)
        except LayersError as error:
            raise UsageError(spec.message(path_of(spec.space, error.hyperparameter), error.rule)) from None


def _configs_with(encoder: EncoderWeights, spec: SweepSpec, *names: str) -> Iterator[TrainConfig]:
    """Yield the configs of trainings of an encoder that differ in these hyperparameters."""
    for system in spec.systems:
        for config in critical_configs(spec, system, ("encoder", *names)):
            if config.encoder == encoder.name:
                yield config


def require_gpu_for_fp16(spec: SweepSpec, *, is_remote: bool) -> None:
    """Raise UsageError if trials would run in fp16 on this machine, and it has no GPU.

    A cluster gives each trial the GPUs that it asks for, or the sweep does not start.
    """
    if is_remote or "fp16" not in spec.values_of("precision"):
        return
    from sweeper.training.device import gpu_count

    if not gpu_count():
        rule = "fp16 needs a GPU, and this machine has none, got fp16; use auto, bf16 or float32"
        raise UsageError(spec.message(path_of(spec.space, "precision"), rule))
