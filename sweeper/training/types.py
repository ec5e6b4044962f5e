"""The types of a training's inputs and outputs: data sets as tokens, encoder weights, reports, scores, predictions.

They import neither torch nor numpy at run time, so that commands that train nothing start quickly.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.data.dataset_spec import Task
from sweeper.training.config import TrainConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The metrics of a report that are not a function of config and data.
TIMING_METRICS = frozenset(("examples_per_second", "seconds"))

GPU_SHARE = "system/gpu_share"
"""The metric with the GPUs that a trial had, where they differ from trial to trial."""


@dataclass(frozen=True)
class Predictions:
    """A model's predictions for one split, in the split's order.

    For `task: multi_label`, `labels` are label sets as a 0/1 matrix, and each label has a threshold: it is predicted if
    its probability is not below.
    """

    labels: "NDArray[np.int64]"  # (N,) the true classes, or (N, C)
    probabilities: "NDArray[np.float32]"  # (N, C)
    thresholds: "NDArray[np.float64] | None" = None  # (C,), chosen on validation

    @property
    def predicted_classes(self) -> "NDArray[np.int64]":
        """The most probable class of each text (N,), or the predicted label sets (N, C)."""
        if self.thresholds is not None:
            is_predicted: NDArray[np.int64] = (self.probabilities >= self.thresholds).astype(int)
            return is_predicted
        classes: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return classes


@dataclass(frozen=True)
class ModelScores:
    """The predictions of a trial's best model, by split.

    `learned_class_weights` (C, C) is for losses with a weighting network: its mean weight of each class (column) for
    the validation texts of each true class (row).
    """

    splits: Mapping[str, Predictions]
    learned_class_weights: "NDArray[np.float32] | None" = None


@dataclass(frozen=True)
class ValidationReport:
    """The metrics of one validation, named as in MLflow: validation/accuracy.

    `step` counts the validations of a training from 1; `epoch` is the number of epochs trained so far. `model_scores`
    is set if a model was scored again after its training: `step` and `epoch` are then those of its best epoch.
    """

    step: int
    epoch: float
    metrics: Mapping[str, float]
    model_scores: ModelScores | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Heartbeat:
    """A sign that a training is alive, about once per batch. `note`, if any, is a message for the user."""

    note: str = ""


@dataclass(frozen=True)
class PairedTexts:
    """The tokens of a split of pairs that belong to each of the two texts, so that a pair can be cut further.

    `first_lengths` are the tokens of the first texts. If both texts of a pair are cut to half of an odd number, then
    the first one has a token more where `first_has_odd`. `special_tokens` are the numbers of special tokens before the
    first text, between the texts, and after the second one; the same for all pairs.
    """

    first_lengths: "NDArray[np.int32]"  # (N,)
    first_has_odd: "NDArray[np.bool_]"  # (N,)
    special_tokens: tuple[int, int, int]

    def select(self, rows: "NDArray[np.int64]") -> "PairedTexts":
        """Return those of the pairs with these row numbers."""
        return PairedTexts(self.first_lengths[rows], self.first_has_odd[rows], self.special_tokens)


@dataclass(frozen=True)
class TokenizedSplit:
    """One split as tokens: text i is tokens[starts[i]:starts[i + 1]], with [CLS] and [SEP].

    Texts are cut at the longest max_length of the sweep; `lengths` counts each text's tokens before the cut.
    `token_types` says to which text of a pair each token belongs, where the encoder takes that. If
    `ends_with_separator`, a text's last token is a [SEP], which stays when the text is cut further. `pairs` is set for
    pairs with special tokens between their texts: the longer text of these is cut.
    """

    tokens: "NDArray[np.int32]"  # (T,)
    starts: "NDArray[np.int64]"  # (N + 1,)
    lengths: "NDArray[np.int32]"  # (N,)
    labels: "NDArray[np.int64]"  # (N,), or (N, C)
    token_types: "NDArray[np.int8] | None" = None  # (T,)
    ends_with_separator: bool = True
    pairs: PairedTexts | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class EncoderWeights:
    """An encoder that any worker can build without a hub: its configuration, and its weights by name.

    An encoder that is trained from scratch has no configuration and no weights. `padding` is the number of the padding
    token. `width` is the size of a pretrained encoder's vectors; 0 if the encoder is trained from scratch. A model
    needs the word embeddings of `tokens` only; of all tokens if it is None.
    """

    name: str
    configuration: Mapping[str, Any]
    weights: "Mapping[str, NDArray[np.float32]]"
    padding: int
    width: int = 0
    tokens: "NDArray[np.int64] | None" = None  # (n,), in ascending order


@dataclass(frozen=True)
class TrainingData:
    """Everything that a training needs besides its config: class names, encoder, and splits by name.

    `splits` has the test split only if that is to be scored.
    """

    class_names: tuple[str, ...]
    encoder: EncoderWeights
    splits: Mapping[str, TokenizedSplit]
    task: Task = "single_label"


TrainingEvents = Generator[ValidationReport | Heartbeat, None, None]

Trainer = Callable[[TrainConfig, TrainingData, Path | None], TrainingEvents]
"""train(config, data, checkpoint_path): yields one report per validation, and heartbeats in between. It continues from
the checkpoint if the file exists. Raises CheckpointError, before any report, if the checkpoint cannot be read or
does not fit."""
