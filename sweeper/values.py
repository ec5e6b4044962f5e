"""The values that cross a wall: the trainer's data and reports, a trial, and what the record has of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sweeper.config import Scalar, TrainConfig
from sweeper.outcome import Outcome

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
class RawTable:
    """One split as it was published: the values of each row by column, with the row's place.

    `name` is what a message calls it; `broken` are rows that could not even be read, place and reason.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, Mapping[str, Any]]]
    unreadable_rows: Sequence[str] = ()


@dataclass(frozen=True)
class LabelledTexts:
    """One split: texts, labels as class numbers (N,), and the second texts where a row is a pair."""

    texts: list[str]
    labels: "NDArray[np.int64]"
    pairs: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)


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


@dataclass(frozen=True)
class Trial:
    """One training of the sweep. `number` counts all trials from 1; `attempt` counts its starts, also from 1.

    Where it confirms a setting with a fresh seed, `confirms` is the number of the trial of the search that has the
    setting, and `repeat` counts the seeds from 1; both are 0 in the search.
    """

    number: int
    system: int
    params: Mapping[str, Scalar]
    config: TrainConfig
    attempt: int = 1
    source_trial: int = 0
    seed_index: int = 0

    @property
    def stage(self) -> str:
        """MLflow's word for it: search or confirm."""
        return "confirm" if self.source_trial else "search"


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended, and why where it did not end well: in a line, and where an exception ended it, in full."""

    outcome: Outcome
    reason: str = ""
    traceback: str = field(default="", compare=False)


@dataclass(frozen=True)
class TestAccess:
    """One look at a test split: when (milliseconds since 1970), of which trial, trained with which seed."""

    at: int
    trial: int
    seed: int


@dataclass(frozen=True)
class TestScore:
    """What a trial's best model scored when the test split was opened for it: metrics test/accuracy, …, and when."""

    at: int
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrialRecord:
    """A trial as the record has it. `times` are milliseconds since 1970, one for each report."""

    trial: Trial
    reports: tuple[ValidationReport, ...] = ()
    report_times: tuple[int, ...] = ()
    started_at: int = 0
    end: TrialEnd | None = None
    ended_at: int | None = None
    test: TestScore | None = None
