"""The settings of a new search space: what a first sweep can do on this machine in reasonable time."""

from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.app.new_encoder import ProposedEncoder
from sweeper.training.registry import LOSSES

_FIRST_SWEEP_SECONDS = 480.0  # of a first sweep on CPUs; the rest of ten minutes goes to starting and scoring
_TOKENS_PER_CORE_SECOND: Mapping[str, float] = {"pretrained": 1_000.0, "scratch": 6_000.0}  # of MiniLM in float32
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 10
_MIN_TRAINING_ROWS = 600
_MIN_ROWS_PER_CLASS = 12
_MOST_GPU_ROWS = 50_000
_COVERED = 0.95  # share of the texts that max_length leaves whole
_MAX_LENGTH = {"CPU": 128, "GPU": 256}
_SEARCH_EFFORT = 0.75  # of the epochs of a search; early stopping saves the others
_MANY_CORES = 8
_RECORDED_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"  # of benchmarks/economy, which found these settings
_GOOD_SETTING: Mapping[str, str] = {"batch_size": "16", "learning_rate": "3e-4"}
_GOOD_CONTRASTIVE_SETTING: Mapping[str, str] = {**_GOOD_SETTING, "alpha": "0.8", "tau": "0.3"}


@dataclass(frozen=True)
class Machine:
    """The cores and GPUs that trials may use."""

    cpus: int
    gpus: int

    @property
    def kind(self) -> str:
        """The kind of processor that trains."""
        return "GPU" if self.gpus else "CPU"


@dataclass(frozen=True)
class NewSettings:
    """The values of a new search space. A limit of None uses all rows of the split.

    `start_with` are settings that were good elsewhere, as their values stand in YAML.
    """

    losses: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    learning_rates: tuple[str, str]
    start_with: tuple[Mapping[str, str], ...]
    max_length: int
    epochs: int
    grace_epochs: int
    trials: int
    seeds: int
    train_limit: int | None
    validation_limit: int | None


def find_machine() -> Machine:
    """Return what this machine has."""
    from sweeper.training.device import cpu_count, gpu_count

    return Machine(cpu_count(), gpu_count())


def propose_settings(
    rows: Mapping[str, int], num_classes: int, encoder: ProposedEncoder, machine: Machine
) -> NewSettings:
    """Return settings for so many rows by split."""
    max_length = encoder.lengths.covering(_COVERED, min(_MAX_LENGTH[machine.kind], encoder.max_tokens))
    losses = ("ce", "scl", "lcl") if machine.gpus else ("ce", "scl")
    trials_per_system = 8 if machine.gpus or machine.cpus >= _MANY_CORES else 4
    seeds = 5 if machine.gpus else 3
    trainings = len(losses) * (trials_per_system * _SEARCH_EFFORT + seeds)
    if machine.gpus:
        texts = _MOST_GPU_ROWS * _FEWEST_EPOCHS
    else:
        texts = _affordable_texts(encoder, machine, max_length, trainings)
    limit = max(texts // _FEWEST_EPOCHS, _MIN_TRAINING_ROWS, _MIN_ROWS_PER_CLASS * num_classes)
    used_rows = min(limit, rows["train"])
    epochs = max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, texts // used_rows))
    return NewSettings(
        losses=losses,
        batch_sizes=(16, 32) if used_rows >= 64 else (8, 16),
        learning_rates=_learning_rates(encoder),
        start_with=tuple(map(_good_setting, losses)) if encoder.name == _RECORDED_ENCODER else (),
        max_length=max_length,
        epochs=epochs,
        grace_epochs=1 if epochs <= _FEWEST_EPOCHS else 2,
        trials=trials_per_system * len(losses),
        seeds=seeds,
        train_limit=_round(limit) if _round(limit) < rows["train"] else None,
        validation_limit=_validation_limit(limit, rows["validation"]),
    )


def _affordable_texts(encoder: ProposedEncoder, machine: Machine, max_length: int, trainings: float) -> int:
    """Return the texts, over all epochs, that each of so many trainings may see for a sweep of a few minutes."""
    kind = "pretrained" if encoder.is_pretrained else "scratch"
    tokens = _FIRST_SWEEP_SECONDS * machine.cpus * _TOKENS_PER_CORE_SECOND[kind]
    length = min(encoder.lengths.quantiles["75"], max_length)
    return int(tokens / (max(length, 16) * trainings))


def _validation_limit(train_limit: int, rows: int) -> int | None:
    """Return the validation rows that go with so many training rows, None for all: enough to tell settings apart."""
    limit = _round(max(500, train_limit // 3))
    return limit if limit < rows else None


def _learning_rates(encoder: ProposedEncoder) -> tuple[str, str]:
    if not encoder.is_pretrained:
        return "5e-4", "1e-2"
    return ("1e-4", "5e-4") if "MiniLM" in encoder.name else ("1e-5", "1e-4")


def _good_setting(loss: str) -> Mapping[str, str]:
    values = _GOOD_SETTING if LOSSES[loss].contrastive_term is None else _GOOD_CONTRASTIVE_SETTING
    return {"loss": loss, **values}


def _round(rows: int) -> int:
    """Return a number of rows with two digits that are not zero."""
    digits = max(0, len(str(rows)) - 2)
    return int(round(rows, -digits))
