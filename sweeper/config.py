"""TrainConfig: every knob of one training, typed, with its unit and the values that make sense.

A new knob is a field here; `compare:`, `search:` and `training:` in a search space accept it from then on. A knob that
only some losses use is also named in USED_BY: for the other losses it is inactive.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Scalar = str | int | float | bool
Loss = Literal["ce", "scl", "lcl"]
Precision = Literal["auto", "float32", "bf16", "fp16"]

LOSSES: tuple[Loss, ...] = get_args(Loss)

# Knobs that some losses do not use; every other knob is used by all.
USED_BY: Mapping[str, tuple[Loss, ...]] = {
    "alpha": ("scl", "lcl"),
    "normalize": ("scl", "lcl"),
    "tau": ("scl", "lcl"),
    "weighting": ("lcl",),
}

# Set by sweeper for each trial, never by a search space.
ASSIGNED = ("seed", "threads")


class TrainConfig(BaseModel):
    """Every knob of one training. Frozen, strict: a number is no string, `true` is no number."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    encoder: Annotated[str, Field(min_length=1, description="a model of the hub, or a local folder")]
    loss: Annotated[Loss, Field(description="ce, scl (joint with ce) or lcl")] = "ce"
    alpha: Annotated[float, Field(ge=0, le=1, description="share of cross entropy in the total loss")] = 0.5
    tau: Annotated[float, Field(gt=0, description="temperature that divides the scores of the contrastive term")] = 0.3
    normalize: Annotated[bool, Field(description="contrast cosine features (true) or raw [CLS] vectors")] = True
    weighting: Annotated[
        Literal["encoder", "head"],
        Field(description="LCL's weighting network: a second encoder, or a head on the first one's detached [CLS]"),
    ] = "encoder"
    dropout: Annotated[float, Field(ge=0, lt=1, description="probability, before the classifier")] = 0.1
    batch_size: Annotated[int, Field(ge=1, description="texts in one forward pass; contrastive terms see these")] = 32
    accumulate: Annotated[int, Field(ge=1, description="batches per optimiser step")] = 1
    learning_rate: Annotated[float, Field(gt=0, description="AdamW's peak rate, then linear to 0")] = 2e-5
    warmup: Annotated[float, Field(ge=0, lt=1, description="share of all steps in which the rate rises")] = 0.0
    weight_decay: Annotated[float, Field(ge=0, description="decoupled; not on biases and normalisation")] = 0.01
    clip_norm: Annotated[float, Field(gt=0, description="largest L2 norm of the gradient")] = 1.0
    epochs: Annotated[int, Field(ge=1, description="passes over the training split")] = 5
    validations_per_epoch: Annotated[int, Field(ge=1, description="reports in each epoch")] = 1
    max_length: Annotated[int, Field(ge=3, description="tokens of a text, [CLS] and [SEP] included")] = 128
    precision: Annotated[
        Precision, Field(description="auto: bf16 where the processor has it, fp16 on GPUs without, else float32")
    ] = "auto"
    seed: Annotated[int, Field(ge=0, description="every random stream of the training derives from it")] = 0
    threads: Annotated[int, Field(ge=1, description="CPU threads of the training")] = 1

    @property
    def used(self) -> dict[str, Any]:
        """The knobs that this config's loss uses, by name."""
        return {name: value for name, value in self if self.loss in USED_BY.get(name, LOSSES)}

    @property
    def reports(self) -> int:
        """How many validations the whole training has."""
        return self.epochs * self.validations_per_epoch


KNOBS: tuple[str, ...] = tuple(name for name in TrainConfig.model_fields if name not in ASSIGNED)


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    field = TrainConfig.model_fields[name]
    annotated: Any = Annotated[field.annotation, Field(), *field.metadata]
    return TypeAdapter(annotated, config=ConfigDict(strict=True, allow_inf_nan=False))


def complaint(name: str, value: object) -> str | None:
    """Why `value` is none for the knob `name`, as a rule in words; None where it is one."""
    try:
        _adapter(name).validate_python(value)
    except ValidationError as error:
        return error.errors()[0]["msg"].replace("Input should", "must").replace("String should", "must")
    return None


def takes_fractions(name: str) -> bool:
    """Whether the knob `name` is a real number."""
    return TrainConfig.model_fields[name].annotation is float
