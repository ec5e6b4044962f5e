"""TODO."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.training.config import TrainConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TIMING_METRICS = frozenset(
    ("examples_per_second", "seconds")
)  # metrics of a Report that are no function of config and data


@dataclass(frozen=True)
class Predictions:
    """What a trained model makes of one split, in the split's order."""

    labels: "NDArray[np.int64]"  # (N,) the true classes
    probabilities: "NDArray[np.float32]"  # (N, C)

    @property
    def classes(self) -> "NDArray[np.int64]":
        """The class that is given to each text (N,)."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found


@dataclass(frozen=True)
class ModelScores:
    """What the model of a trial's best epoch makes of splits, by name; `weights` (C, C) is the mean weight that LCL's
    weighting network gives each class (columns) for texts of each true class (rows) of validation.
    """

    splits: Mapping[str, Predictions]
    weights: "NDArray[np.float32] | None" = None


@dataclass(frozen=True)
class ValidationReport:
    """One validation. `step` counts them from 1; `metrics` are named as in MLflow: validation/accuracy.

    `scored` is there where a model was scored once more after its training: `step` is then that of its best epoch.
    """

    step: int
    epoch: float
    metrics: Mapping[str, float]
    model_scores: ModelScores | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Heartbeat:
    """A sign of life between two reports, a batch or so after the last; `note` is what the user should know."""

    note: str = ""


@dataclass(frozen=True)
class TokenizedSplit:
    """One split as tokens: text i is tokens[starts[i]:starts[i + 1]], [CLS] and [SEP] included, cut at the longest
    max_length of the sweep; `lengths` are those of the uncut texts, `types` say which text of a pair a token is of,
    `closed` whether a text's last token is a [SEP] that stays when it is cut further.
    """

    tokens: "NDArray[np.int32]"  # (T,)
    starts: "NDArray[np.int64]"  # (N + 1,)
    lengths: "NDArray[np.int32]"  # (N,)
    labels: "NDArray[np.int64]"  # (N,)
    token_types: "NDArray[np.int8] | None" = None  # (T,)
    ends_with_separator: bool = True

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class EncoderWeights:
    """An encoder that any worker can build without a hub: its configuration and its weights by name.

    Encoders that are trained from scratch (config.RECURRENT) have neither.
    """

    name: str
    configuration: Mapping[str, Any]
    weights: "Mapping[str, NDArray[np.float32]]"
    padding: int
    width: int = 0  # of its vectors


@dataclass(frozen=True)
class TrainingData:
    """All that a training needs beside its config. The test split is in it only where it is to be scored."""

    labels: tuple[str, ...]
    encoder: EncoderWeights
    splits: Mapping[str, TokenizedSplit]


Trainer = Callable[[TrainConfig, TrainingData, Path | None], Generator[ValidationReport | Heartbeat, None, None]]
"""train(config, data, checkpoint): one Report per validation, going on from the checkpoint where there is one, and
signs of life between. Raises CheckpointError, before anything else, where the checkpoint cannot be read."""
