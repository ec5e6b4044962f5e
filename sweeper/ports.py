"""The shapes that cross a wall: what the trainer gives, what a runner asks for, what the record and the trackers take.

Values go down, reports come up. A Runner pulls trials from Trials and hands each report back; Trials (sweep.py) writes
it to the Study, which is durable, and then tells the Trackers, which only watch.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sweeper.allocation import Allocation
from sweeper.config import Scalar, TrainConfig
from sweeper.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


CLOCK = frozenset(("examples_per_second", "seconds"))  # metrics of a Report that are no function of config and data


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
class Scored:
    """What the model of a trial's best epoch makes of splits, by name; `weights` (C, C) is the mean weight that LCL's
    weighting network gives each class (columns) for texts of each true class (rows) of validation.
    """

    splits: Mapping[str, Predictions]
    weights: "NDArray[np.float32] | None" = None


@dataclass(frozen=True)
class Report:
    """One validation. `step` counts them from 1; `metrics` are named as in MLflow: validation/accuracy.

    `scored` is there where a model was scored once more after its training: `step` is then that of its best epoch.
    """

    step: int
    epoch: float
    metrics: Mapping[str, float]
    scored: Scored | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Progress:
    """A sign of life between two reports, a batch or so after the last; `note` is what the user should know."""

    note: str = ""


@dataclass(frozen=True)
class Table:
    """One split as it was published: the values of each row by column, with the row's place.

    `name` is what a message calls it; `broken` are rows that could not even be read, place and reason.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, Mapping[str, Any]]]
    broken: Sequence[str] = ()


@dataclass(frozen=True)
class Rows:
    """One split: texts, labels as class numbers (N,), and the second texts where a row is a pair."""

    texts: list[str]
    labels: "NDArray[np.int64]"
    pairs: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Split:
    """One split as tokens: text i is tokens[starts[i]:starts[i + 1]], [CLS] and [SEP] included, cut at the longest
    max_length of the sweep; `lengths` are those of the uncut texts, `types` say which text of a pair a token is of,
    `closed` whether a text's last token is a [SEP] that stays when it is cut further.
    """

    tokens: "NDArray[np.int32]"  # (T,)
    starts: "NDArray[np.int64]"  # (N + 1,)
    lengths: "NDArray[np.int32]"  # (N,)
    labels: "NDArray[np.int64]"  # (N,)
    types: "NDArray[np.int8] | None" = None  # (T,)
    closed: bool = True

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Encoder:
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
    encoder: Encoder
    splits: Mapping[str, Split]


Trainer = Callable[[TrainConfig, TrainingData, Path | None], Generator[Report | Progress, None, None]]
"""train(config, data, checkpoint): one Report per validation, going on from the checkpoint where there is one, and
signs of life between. Raises CheckpointError, before anything else, where the checkpoint cannot be read."""


class Storage(Protocol):
    """Where the files of trials are kept so that a lost node does not take them with it. Raises OSError."""

    def fetch(self, folder: Path) -> None:
        """Bring what is kept of the trial with this folder there, where it is not there yet."""

    def keep(self, folder: Path, attempt: int) -> None:
        """Keep the files of an attempt at the trial with this folder; those of earlier attempts go."""

    def forget(self, folder: Path, patterns: Sequence[str]) -> None:
        """Let go of the files of the trial with this folder whose names match."""


@dataclass(frozen=True)
class Job:
    """What every trial of a sweep shares: the trainer, its data by encoder, and the folder for checkpoints.

    A trial that gives no sign of life for `patience` seconds is taken as dead. Where there is a `storage`, `folder` is
    one of the machine that a trial runs on, and has a trial's files only while it runs there.
    """

    train: Trainer
    data: Mapping[str, TrainingData]
    folder: Path
    patience: float = 900.0
    storage: Storage | None = None


@dataclass(frozen=True)
class Trial:
    """One training of the sweep. `number` counts all trials from 1; `attempt` counts its starts, also from 1.

    Where it confirms a setting with a fresh seed, `confirms` is the number of the trial of the search that has the
    setting, and `repeat` counts the seeds from 1; both are 0 in the search.
    """

    number: int
    cell: int
    params: Mapping[str, Scalar]
    config: TrainConfig
    attempt: int = 1
    confirms: int = 0
    repeat: int = 0

    @property
    def stage(self) -> str:
        """MLflow's word for it: search or confirm."""
        return "confirm" if self.confirms else "search"


@dataclass(frozen=True)
class Finish:
    """How a trial ended, and why where it did not end well: in a line, and where an exception ended it, in full."""

    outcome: Outcome
    reason: str = ""
    traceback: str = field(default="", compare=False)


@dataclass(frozen=True)
class Look:
    """One look at a test split: when (milliseconds since 1970), of which trial, trained with which seed."""

    at: int
    trial: int
    seed: int


@dataclass(frozen=True)
class Test:
    """What a trial's best model scored when the test split was opened for it: metrics test/accuracy, …, and when."""

    at: int
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Recorded:
    """A trial as the record has it. `times` are milliseconds since 1970, one for each report."""

    trial: Trial
    reports: tuple[Report, ...] = ()
    times: tuple[int, ...] = ()
    started: int = 0
    finish: Finish | None = None
    ended: int | None = None
    test: Test | None = None


class Study(Protocol):
    """The memory: asks for settings, and keeps every report before anybody acts on it."""

    def ask(self, cell: int) -> Trial:
        """Propose the next trial of a cell, durably."""

    def restart(self, trial: Trial) -> Trial:
        """The same trial for another attempt, durably."""

    def report(self, trial: Trial, report: Report) -> Finish | None:
        """Keep a report; where it ends the trial (ASHA), keep that too and return it."""

    def finish(self, trial: Trial, finish: Finish) -> None:
        """Keep how a trial ended. The first end counts."""

    def confirm(self, of: Trial, repeat: int) -> Trial:
        """Begin to train the setting of a trial of the search again, with the `repeat`-th fresh seed, durably."""

    def look(self, trial: Trial) -> None:
        """Keep that the test split is opened for a trial, before it is."""

    def tested(self, trial: Trial, report: Report) -> None:
        """Keep what the model of a trial that has ended scored on the test split. The first score counts."""

    def looks(self) -> Sequence[Look]:
        """Every look at the test split, by time."""

    def of(self, trial: Trial) -> Recorded:
        """A trial as the record has it."""

    def recorded(self) -> Sequence[Recorded]:
        """Every trial, by number."""


class Trials(Protocol):
    """What a runner runs: it pulls trials, and pushes what becomes of them."""

    def next(self) -> Trial | None:
        """The trial to start now; None where there is none left, or none until a running one ends."""

    def exhausted(self) -> bool:
        """Whether nothing runs and no trial will come any more."""

    def report(self, trial: Trial, report: Report) -> bool:
        """Take a report; False where the trial shall stop. What an attempt says that was given up is ignored."""

    def finish(self, trial: Trial, finish: Finish) -> None:
        """Take the end of a trial."""

    def lost(self, trial: Trial, finish: Finish, *, innocent: bool = False) -> None:
        """Take the loss of a trial's worker; the trial comes again, or ends so where it was lost too often.

        `innocent` says that the trial had no part in it: its node was lost, or it had not begun.
        """

    def note(self, trial: Trial | None, text: str) -> None:
        """Take what the user should know, of a trial or of the whole."""


class Runner(Protocol):
    """The muscle: runs the trials to their ends, on this machine or on many.

    `remote` says whether trials run on machines that may share nothing with this one.
    """

    remote: bool

    def allocate(self, cpu: int, gpu: float, accelerator: str = "") -> Allocation:
        """What one trial gets of the CPUs and GPUs (of one type, in Ray's words) that were asked for it."""

    def everywhere(self, check: Callable[[], str]) -> Mapping[str, str]:
        """What a function that can be pickled returns on each machine, by the machine's name."""

    def run(self, trials: Trials, job: Job, allocation: Allocation) -> None:
        """Run until `trials` are exhausted, or raise Interruption, or what `trials` raised: then it is to be closed."""


class Tracker(Protocol):
    """A window on the sweep: it watches, decides nothing, and its trouble is never the sweep's."""

    def update(self, recorded: Recorded) -> None:
        """Something new is in the record: a trial started or went on, sent a report, or ended."""

    def close(self, status: str) -> None:
        """The sweep stops for now; `status` is MLflow's word: FINISHED, FAILED or KILLED."""


class View(Tracker, Protocol):
    """A Tracker that somebody watches."""

    def say(self, text: str) -> None:
        """Show what they should know; from any thread."""
