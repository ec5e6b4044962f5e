"""TrainConfig: every hyperparameter of one training, with its type, unit, allowed values, default and meaning.

To add a hyperparameter, add a field here; `compare:`, `search:` and `training:` in a search space then accept it, and
the docs list it. If only some losses, encoders or averages use it, name it in their entries in registry.py too: it is
inactive for the others.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from sweeper.training.registry import AVERAGES, ENCODER_KINDS, LOSSES, POOLINGS, SCHEDULES
from sweeper.training.strict_model import StrictModel, one_of
from sweeper.wording import plain_rule

Scalar = str | int | float | bool
Precision = Literal["auto", "float32", "bf16", "fp16"]

_FROM_SCRATCH = ", ".join(name for name, kind in ENCODER_KINDS.items() if not kind.is_pretrained)

# sweeper sets these for each trial; a search space never does.
RUNTIME_FIELDS = ("seed", "threads")


def _describe(description: str, unit: str = "", **bounds: Any) -> Any:
    """Return the pydantic field of a hyperparameter; `unit` is empty for names and booleans."""
    return Field(description=description, json_schema_extra={"unit": unit}, **bounds)


class TrainConfig(StrictModel):
    """Every hyperparameter of one training."""

    # model
    encoder: Annotated[
        str,
        _describe(f"A model of the Hugging Face hub, a local folder, or one of {_FROM_SCRATCH}.", min_length=1),
    ]
    pooling: Annotated[
        str,
        one_of(POOLINGS),
        _describe("The method that makes the vectors of a text's tokens into the text's features."),
    ] = "cls"
    classifier: Annotated[
        Literal["linear", "mlp"],
        _describe("The classifier: one linear layer; or linear, dropout, ReLU, linear, as wide as the features."),
    ] = "linear"
    dropout: Annotated[
        float, _describe("Probability of dropout before the classifier's last layer.", "fraction", ge=0, lt=1)
    ] = 0.1
    reinit_layers: Annotated[
        int, _describe("The encoder's last layers that begin with new random weights.", "layers", ge=0)
    ] = 0
    lora: Annotated[int, _describe("Rank of adapters that are trained, not the encoder; 0 is off.", "rows", ge=0)] = 0
    freeze_embeddings: Annotated[bool, _describe("Do not train the token embeddings.")] = False
    vocabulary: Annotated[
        int, _describe("Number of words to learn: the most frequent ones of the training split.", "words", ge=1)
    ] = 10_000
    embedding_size: Annotated[int, _describe("Width of a word's embedding.", "numbers", ge=1)] = 100
    hidden_size: Annotated[int, _describe("Width of the state, and so of the features.", "numbers", ge=1)] = 128

    # loss
    loss: Annotated[str, one_of(LOSSES), _describe("The loss that the training minimizes.")] = "ce"
    alpha: Annotated[
        float,
        _describe(
            "Weight of cross entropy in the total loss; the contrastive term has the rest.", "fraction", ge=0, le=1
        ),
    ] = 0.5
    tau: Annotated[
        float, _describe("Temperature that divides the similarities in the contrastive term.", "similarity", gt=0)
    ] = 0.3
    normalize: Annotated[bool, _describe("Compare features by cosine similarity (true) or by dot product (false).")] = (
        True
    )
    reduction: Annotated[
        Literal["mean", "sum"],
        _describe("Take the mean or the sum of the contrastive term over the anchors that have a positive."),
    ] = "mean"
    views: Annotated[
        int,
        _describe(
            "Passes of each text that the contrastive term sees; they differ only by dropout.", "passes", ge=1, le=2
        ),
    ] = 1
    memory: Annotated[
        int, _describe("Features of past batches with which the contrastive term compares a batch.", "features", ge=0)
    ] = 0
    consistency: Annotated[
        float,
        _describe("Weight of the divergence between two passes of each text, as in R-Drop; 0 is off.", "loss", ge=0),
    ] = 0.0
    weighting: Annotated[
        Literal["separate", "shared"],
        _describe("The weighting network: a second encoder, or a head on the first one at half the cost."),
    ] = "separate"
    detach_weights: Annotated[
        bool, _describe("Train the weighting network by its own cross entropy only, not by the contrastive term.")
    ] = False
    contrastive_epochs: Annotated[
        int, _describe("Passes over the training split in the first phase, which trains the encoder.", "epochs", ge=1)
    ] = 3
    classifier_learning_rate: Annotated[
        float, _describe("AdamW's peak learning rate in the second phase, for the classifier.", "per update", gt=0)
    ] = 1e-3
    label_smoothing: Annotated[
        float, _describe("Label smoothing of the cross entropies in training.", "fraction", ge=0, lt=1)
    ] = 0.0
    class_weights: Annotated[
        Literal["none", "balanced"],
        _describe("Weights of the classes in training's cross entropies: equal, or inverse to their share of texts."),
    ] = "none"

    # optimizer
    batch_size: Annotated[
        int, _describe("Texts in one forward pass; a contrastive term compares them with each other.", "texts", ge=1)
    ] = 32
    texts_per_class: Annotated[
        int,
        _describe("Fewest texts, in a batch, of a class that occurs there; 2 gives anchors a positive.", "texts", ge=1),
    ] = 1
    accumulate: Annotated[int, _describe("Batches whose gradients make one update.", "batches", ge=1)] = 1
    gradient_cache: Annotated[
        bool, _describe("Let the contrastive term compare all texts of an update, in the memory of one batch.")
    ] = False
    learning_rate: Annotated[float, _describe("AdamW's peak learning rate.", "per update", gt=0)] = 2e-5
    schedule: Annotated[str, one_of(SCHEDULES), _describe("The course of the learning rate after the warm-up.")] = (
        "linear"
    )
    warmup: Annotated[
        float, _describe("Share of all updates in which the learning rate rises from 0.", "fraction", ge=0, lt=1)
    ] = 0.0
    layer_decay: Annotated[
        float,
        _describe(
            "Factor of the learning rate from each layer of the encoder to the one below it.", "fraction", gt=0, le=1
        ),
    ] = 1.0
    weight_decay: Annotated[
        float,
        _describe("AdamW's decoupled weight decay; biases and normalization weights have none.", "per update", ge=0),
    ] = 0.01
    clip_norm: Annotated[
        float, _describe("Largest L2 norm of the gradient; a larger one is scaled down.", "norm", gt=0)
    ] = 1.0
    epochs: Annotated[
        int, _describe("Passes over the training split; with two phases, those of the second.", "epochs", ge=1)
    ] = 5
    validations_per_epoch: Annotated[
        int, _describe("Validations in each epoch; each makes one report.", "validations", ge=1)
    ] = 1
    average: Annotated[str, one_of(AVERAGES), _describe("The weights of the training that are validated and kept.")] = (
        "best"
    )
    ema_decay: Annotated[
        float,
        _describe("Share of the average that stays when an update of the weights is added.", "fraction", ge=0, lt=1),
    ] = 0.99
    max_length: Annotated[
        int, _describe("Longest text, with [CLS] and [SEP]; longer ones are cut.", "tokens", ge=3)
    ] = 128
    precision: Annotated[
        Precision,
        _describe("Number format of the forward pass. auto: bf16 where it is native, else fp16 on GPUs, else float32."),
    ] = "auto"
    seed: Annotated[int, _describe("Seed of every random stream of the training.", ge=0)] = 0
    threads: Annotated[int, _describe("CPU threads of the training.", "threads", ge=1)] = 1

    @property
    def active_params(self) -> dict[str, Any]:
        """The hyperparameters that this training uses, by name."""
        values = dict(self)
        return {name: value for name, value in values.items() if is_active(name, values)}

    @property
    def is_consistent(self) -> bool:
        """True if the training makes two passes of each text predict alike."""
        return self.consistency > 0 and "consistency" in LOSSES[self.loss].hyperparameters

    @property
    def passes(self) -> int:
        """Forward passes of each text in training."""
        views = self.views if LOSSES[self.loss].contrastive_term else 1
        return 2 if self.is_consistent else views

    @property
    def total_epochs(self) -> int:
        """The number of passes over the training split in all phases."""
        return self.epochs + (self.contrastive_epochs if LOSSES[self.loss].has_two_phases else 0)

    @property
    def keeps_last(self) -> bool:
        """True if the last validation of a training counts, and not the best."""
        return AVERAGES[self.average].keeps_last

    @property
    def num_validations(self) -> int:
        """The number of validations in the whole training."""
        return self.total_epochs * self.validations_per_epoch


HYPERPARAMETERS: tuple[str, ...] = tuple(name for name in TrainConfig.model_fields if name not in RUNTIME_FIELDS)


def _active_when() -> Mapping[str, Mapping[str, tuple[Scalar, ...]]]:
    conditions: dict[str, dict[str, tuple[Scalar, ...]]] = {}
    for field, entries in (("loss", LOSSES), ("encoder", ENCODER_KINDS), ("average", AVERAGES)):
        for value, entry in entries.items():
            for name in entry.hyperparameters:
                values = conditions.setdefault(name, {})
                values[field] = (*values.get(field, ()), value)
    return conditions


# For each hyperparameter that not every training uses: the values that other fields must have for it to be active.
ACTIVE_WHEN = _active_when()


def is_active(name: str, values: Mapping[str, Any]) -> bool:
    """Return True if a training with these values uses the hyperparameter `name`."""
    return all(values.get(field) in allowed_values for field, allowed_values in ACTIVE_WHEN.get(name, {}).items())


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    field = TrainConfig.model_fields[name]
    annotated: Any = Annotated[field.annotation, Field(), *field.metadata]
    return TypeAdapter(annotated, config=ConfigDict(strict=True, allow_inf_nan=False))


def validation_error(name: str, value: object) -> str | None:
    """Return the rule that `value` breaks as a value of the hyperparameter `name`, or None if it is valid."""
    try:
        _adapter(name).validate_python(value)
    except ValidationError as error:
        return plain_rule(error.errors()[0]["msg"])
    return None


def is_float(name: str) -> bool:
    """Return True if the hyperparameter `name` is a real number."""
    return TrainConfig.model_fields[name].annotation is float
