"""TrainConfig: every knob of one training, typed, with its unit and the values that make sense.

A new knob is a field here; `compare:`, `search:` and `training:` in a search space accept it from then on. A knob that
only some losses or encoders use is also named in USED_WHEN: for the others it is inactive.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Scalar = str | int | float | bool
Loss = Literal["ce", "scl", "scl_two_phase", "scl_set_tau", "lcl", "lcl_inside"]
Precision = Literal["auto", "float32", "bf16", "fp16"]

LOSSES: tuple[Loss, ...] = get_args(Loss)
WEIGHTED: tuple[Loss, ...] = ("lcl", "lcl_inside")  # with a weighting network
JOINT: tuple[Loss, ...] = ("scl", "scl_set_tau", *WEIGHTED)  # a contrastive term and cross entropy at once
CONTRASTIVE: tuple[Loss, ...] = ("scl_two_phase", *JOINT)
RECURRENT: tuple[str, ...] = ("rnn", "gru")  # encoders that are trained from scratch; every other one is pretrained

# Knobs that not every training uses: each of the named knobs must have one of the listed values.
ACTIVE_WHEN: Mapping[str, Mapping[str, tuple[Scalar, ...]]] = {
    "alpha": {"loss": JOINT},
    "normalize": {"loss": CONTRASTIVE},
    "tau": {"loss": CONTRASTIVE},
    "reduction": {"loss": CONTRASTIVE},
    "views": {"loss": CONTRASTIVE},
    "weighting": {"loss": WEIGHTED},
    "detach_weights": {"loss": WEIGHTED},
    "contrastive_epochs": {"loss": ("scl_two_phase",)},
    "classifier_learning_rate": {"loss": ("scl_two_phase",)},
    "vocabulary": {"encoder": RECURRENT},
    "embedding_size": {"encoder": RECURRENT},
    "hidden_size": {"encoder": RECURRENT},
}

# Set by sweeper for each trial, never by a search space.
RUNTIME_FIELDS = ("seed", "threads")


class TrainConfig(BaseModel):
    """Every knob of one training. Frozen, strict: a number is no string, `true` is no number."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    # what is trained
    encoder: Annotated[str, Field(min_length=1, description="a model of the hub, a local folder, rnn or gru")]
    pooling: Annotated[
        Literal["cls", "mean", "flatten"],
        Field(
            description="[CLS] (of rnn and gru the last state); mean of all but [CLS] and [SEP]; all tokens in a row"
        ),
    ] = "cls"
    classifier: Annotated[
        Literal["linear", "mlp"], Field(description="linear; or linear, dropout, ReLU, linear, of the features' width")
    ] = "linear"
    dropout: Annotated[float, Field(ge=0, lt=1, description="probability, before the classifier's last layer")] = 0.1
    freeze_embeddings: Annotated[bool, Field(description="leave the token embeddings as they are")] = False
    vocabulary: Annotated[int, Field(ge=1, description="rnn, gru: the most frequent words of the training split")] = (
        10_000
    )
    embedding_size: Annotated[int, Field(ge=1, description="rnn, gru: width of a word's embedding")] = 100
    hidden_size: Annotated[int, Field(ge=1, description="rnn, gru: width of the state, and so of the features")] = 128

    # the loss
    loss: Annotated[Loss, Field(description="what is minimised; learn/objective.py has the formulas")] = "ce"
    alpha: Annotated[float, Field(ge=0, le=1, description="share of cross entropy in the total loss")] = 0.5
    tau: Annotated[float, Field(gt=0, description="temperature that divides the scores of the contrastive term")] = 0.3
    normalize: Annotated[bool, Field(description="contrast cosine features (true) or raw ones")] = True
    reduction: Annotated[
        Literal["mean", "sum"],
        Field(description="of the contrastive term: mean over the anchors that have a positive, or their sum"),
    ] = "mean"
    views: Annotated[int, Field(ge=1, le=2, description="forward passes of each text, different by dropout alone")] = 1
    weighting: Annotated[
        Literal["separate", "shared"],
        Field(description="LCL's weighting network: a second encoder, or a head on the first one at half the cost"),
    ] = "separate"
    detach_weights: Annotated[
        bool, Field(description="the contrastive term leaves the weighting network alone; its cross entropy trains it")
    ] = False
    contrastive_epochs: Annotated[int, Field(ge=1, description="scl_two_phase: epochs before the classifier's")] = 3
    classifier_learning_rate: Annotated[
        float, Field(gt=0, description="scl_two_phase: AdamW's peak rate for the classifier on the frozen features")
    ] = 1e-3
    label_smoothing: Annotated[float, Field(ge=0, lt=1, description="of the cross entropies in training")] = 0.0
    class_weights: Annotated[
        Literal["none", "balanced"],
        Field(description="of the cross entropies in training: none, or inverse to a class's share of the split"),
    ] = "none"

    # the optimiser
    batch_size: Annotated[int, Field(ge=1, description="texts in one forward pass; contrastive terms see these")] = 32
    accumulate: Annotated[int, Field(ge=1, description="batches per optimiser step")] = 1
    learning_rate: Annotated[float, Field(gt=0, description="AdamW's peak rate, then linear to 0")] = 2e-5
    warmup: Annotated[float, Field(ge=0, lt=1, description="share of all steps in which the rate rises")] = 0.0
    weight_decay: Annotated[float, Field(ge=0, description="decoupled; not on biases and normalisation")] = 0.01
    clip_norm: Annotated[float, Field(gt=0, description="largest L2 norm of the gradient")] = 1.0
    epochs: Annotated[int, Field(ge=1, description="passes over the training split; of two phases, the second's")] = 5
    validations_per_epoch: Annotated[int, Field(ge=1, description="reports in each epoch")] = 1
    max_length: Annotated[int, Field(ge=3, description="tokens of a text, [CLS] and [SEP] included")] = 128
    precision: Annotated[
        Precision, Field(description="auto: bf16 where the processor has it, fp16 on GPUs without, else float32")
    ] = "auto"
    seed: Annotated[int, Field(ge=0, description="every random stream of the training derives from it")] = 0
    threads: Annotated[int, Field(ge=1, description="CPU threads of the training")] = 1

    @property
    def active_params(self) -> dict[str, Any]:
        """The knobs that this training uses, by name."""
        values = dict(self)
        return {name: value for name, value in values.items() if is_active(name, values)}

    @property
    def total_epochs(self) -> int:
        """Passes over the training split in all phases."""
        return self.epochs + (self.contrastive_epochs if self.loss == "scl_two_phase" else 0)

    @property
    def num_validations(self) -> int:
        """How many validations the whole training has."""
        return self.total_epochs * self.validations_per_epoch


HYPERPARAMETERS: tuple[str, ...] = tuple(name for name in TrainConfig.model_fields if name not in RUNTIME_FIELDS)


def is_active(name: str, values: Mapping[str, Any]) -> bool:
    """Whether a training with these values uses the knob `name`."""
    return all(values.get(other) in allowed for other, allowed in ACTIVE_WHEN.get(name, {}).items())


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    field = TrainConfig.model_fields[name]
    annotated: Any = Annotated[field.annotation, Field(), *field.metadata]
    return TypeAdapter(annotated, config=ConfigDict(strict=True, allow_inf_nan=False))


def validation_error(name: str, value: object) -> str | None:
    """Why `value` is none for the knob `name`, as a rule in words; None where it is one."""
    try:
        _adapter(name).validate_python(value)
    except ValidationError as error:
        return error.errors()[0]["msg"].replace("Input should", "must").replace("String should", "must")
    return None


def is_float(name: str) -> bool:
    """Whether the knob `name` is a real number."""
    return TrainConfig.model_fields[name].annotation is float


class StrictModel(BaseModel):
    """A part of the file: frozen, strict, and without keys that it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
