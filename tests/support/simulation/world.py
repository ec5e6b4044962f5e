"""The simulated surroundings of a sweep: a disk that loses power, and a trainer that takes no time.

The disk under the record accepts a number of writes and then part of one more. The course of a training is a pure
function of its config. Everything else is real: the search, the record, and the attempts with their checkpoints.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path, PosixPath
from random import Random
from typing import Any

from sweeper.errors import CheckpointError
from sweeper.training.config import TrainConfig
from sweeper.training.types import Heartbeat, ModelScores, TrainingData, ValidationReport

ACCURACY, LOSS, LARGEST = "validation/accuracy", "validation/loss", "validation/largest_class"
CLASS_COUNTS = {"bad": 6, "good": 6}  # of validation; the best constant prediction: accuracy .5, loss .693
REPORT_SECONDS = 60.0  # of training and validation before each report
_COURSES = ("healthy",) * 7 + ("collapses", "diverges", "fails", "starts late")


class Killed(BaseException):
    """The process was killed. Not an Exception, so that no code of the process catches it and continues."""


# ---- the disk under the record


@dataclass
class FailingDisk:
    """A disk under the record that accepts `writes` more writes, then `torn` bytes of one more, and then fails."""

    writes: int | None = None  # None: no limit
    torn: int = 0
    aside: tuple[Path, Path] | None = None  # the checkpoints, and where they are while a dead process would delete them
    file: FileIO | None = None  # the record's file, as last opened

    def fail(self) -> None:
        """Kill the process. Move the checkpoints out of its reach first, because a dead process deletes nothing."""
        if self.aside is not None and self.aside[0].exists():
            self.aside[0].rename(self.aside[1])
        raise Killed

    def restore(self) -> None:
        """Close the files of the dead process, and put its checkpoints back."""
        self.writes = None
        if self.file is not None:
            self.file.close()
        if self.aside is not None and self.aside[1].exists():
            self.aside[1].rename(self.aside[0])


class _RecordFile(FileIO):
    """The record's file, on a failing disk."""

    disk: FailingDisk

    def write(self, data: Any, /) -> int:
        if self.disk.writes is None:
            return super().write(data)
        if self.disk.writes:
            self.disk.writes -= 1
            return super().write(data)
        super().write(bytes(data)[: self.disk.torn])
        self.disk.fail()
        raise AssertionError


class RecordPath(PosixPath):
    """The path of a record on a failing disk."""

    disk: FailingDisk

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if mode != "ab":
            return super().open(mode, *args, **kwargs)
        self.disk.file = file = _RecordFile(str(self), "ab")
        file.disk = self.disk
        return file


# ---- the trainer


def training_course(config: TrainConfig) -> tuple[list[ValidationReport], Exception | None]:
    """Return the reports of an undisturbed training, and the exception that ends it, if any."""
    chance = Random(f"{config.seed} {config.batch_size} {config.epochs}")
    kind, turn = chance.choice(_COURSES), chance.randint(1, config.num_validations)
    reports = [
        ValidationReport(step, step / config.validations_per_epoch, _metrics(kind, step, turn, chance))
        for step in range(1, config.num_validations + 1)
    ]
    if kind == "fails":
        return reports[: turn - 1], ValueError("a broken trial")
    return reports, None


def _metrics(kind: str, step: int, turn: int, chance: Random) -> dict[str, float]:
    loss, accuracy = chance.random(), chance.randint(1, 12) / 12  # coarse, so that some are equal
    if kind == "starts late" and step == 1:
        return {"train/loss": loss, "seconds": REPORT_SECONDS}
    if kind == "diverges" and step == turn:
        loss = accuracy = math.nan
    if kind != "collapses":
        return {"train/loss": loss, LOSS: loss, ACCURACY: accuracy, LARGEST: 0.5, "seconds": REPORT_SECONDS}
    # It never beats the best constant prediction, and predicts one class from its turn on.
    accuracy, largest = min(accuracy, 0.5), 1.0 if step >= turn else 0.5
    return {"train/loss": loss, LOSS: 0.7 + loss, ACCURACY: accuracy, LARGEST: largest, "seconds": REPORT_SECONDS}


@dataclass
class SimulatedTraining:
    """A trainer that takes no time. Implements Trainer.

    It notes, by trial number and attempt, after how many epochs an attempt started, and how many it trained and saved.
    """

    started: dict[tuple[int, int], int] = field(default_factory=dict)
    trained: dict[tuple[int, int], int] = field(default_factory=dict)
    saved: dict[tuple[int, int], int] = field(default_factory=dict)

    def __call__(
        self, config: TrainConfig, _: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport | Heartbeat, None, None]:
        """Train, save and report each epoch. A worker may die between any two of these steps."""
        assert saved is not None
        key = int(saved.parent.name), int(saved.stem.rpartition("-")[2])
        reports, error = training_course(config)
        done = self.started[key] = _load(saved)
        self.trained[key] = max(self.trained.get(key, 0), done)
        yield from reports[:done]
        for report in reports[done:]:
            self.trained[key] = report.step
            yield Heartbeat()
            _save(saved, report.step)
            self.saved[key] = report.step
            yield report
        if error is not None:
            raise error


def simulated_scoring(
    config: TrainConfig, _: TrainingData, __: Path | None
) -> Generator[ValidationReport | Heartbeat, None, None]:
    """Score a model on the test split: a pure function of its config. Implements Trainer."""
    yield Heartbeat()
    yield ValidationReport(
        config.num_validations, float(config.epochs), {"test/accuracy": (config.seed % 13) / 13}, ModelScores({})
    )


def _load(saved: Path) -> int:
    if not saved.exists():
        return 0
    text = saved.read_text(encoding="utf-8")
    if not text.endswith(" complete"):
        raise CheckpointError("its checksum is wrong")
    return int(text.split()[0])


def _save(saved: Path, step: int) -> None:
    saved.parent.mkdir(parents=True, exist_ok=True)
    temporary = saved.with_name(f".{saved.name}")
    temporary.write_text(f"{step} complete", encoding="utf-8")
    temporary.replace(saved)
