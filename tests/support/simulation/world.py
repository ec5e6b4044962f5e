"""A sweep's world without machines: a disk that loses power, and a trainer that takes no time.

The disk under the record writes so many records more, and a part of the next; the course of a training is a pure
function of its config. What runs in this world is real: the search, the record, and attempts with their checkpoints.
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
_COURSES = ("healthy",) * 7 + ("collapses", "diverges", "fails", "begins late")


class Killed(BaseException):
    """The process is gone: no code of it runs any more. Not an Exception, so that nobody goes on after it."""


# ---- the disk under the record


@dataclass
class FailingDisk:
    """What the record's disk still does: so many whole writes, then a part of one, and the power is gone."""

    writes: int | None = None  # None: for ever
    torn: int = 0  # bytes of the write in which it fails
    aside: tuple[Path, Path] | None = None  # the checkpoints, and where they are while a dead process would tidy up
    wire: FileIO | None = None  # the record's file, as it was opened last

    def fail(self) -> None:
        """Leave the checkpoints as they are, whatever the dead process would do next; then it is dead."""
        if self.aside is not None and self.aside[0].exists():
            self.aside[0].rename(self.aside[1])
        raise Killed

    def restore(self) -> None:
        """The process is gone, its files are closed, and the checkpoints are found as they were."""
        self.writes = None
        if self.wire is not None:
            self.wire.close()
        if self.aside is not None and self.aside[1].exists():
            self.aside[1].rename(self.aside[0])


class _RecordFile(FileIO):
    """The record's file while it is written."""

    power: FailingDisk

    def write(self, data: Any, /) -> int:
        if self.power.writes is None:
            return super().write(data)
        if self.power.writes:
            self.power.writes -= 1
            return super().write(data)
        super().write(bytes(data)[: self.power.torn])
        self.power.fail()
        raise AssertionError


class RecordPath(PosixPath):
    """The path of a record on a disk that can lose its power."""

    power: FailingDisk

    def open(self, mode: str = "r", *args: Any, **named: Any) -> Any:
        if mode != "ab":
            return super().open(mode, *args, **named)
        self.power.wire = wire = _RecordFile(str(self), "ab")
        wire.power = self.power
        return wire


# ---- the trainer


def training_course(config: TrainConfig) -> tuple[list[ValidationReport], Exception | None]:
    """What an uninterrupted training reports, and the exception that ends it: a pure function of its config."""
    chance = Random(f"{config.seed} {config.batch_size} {config.epochs}")
    kind, turn = chance.choice(_COURSES), chance.randint(1, config.num_validations)
    reports = [
        ValidationReport(step, float(step), _metrics(kind, step, turn, chance))
        for step in range(1, config.num_validations + 1)
    ]
    if kind == "fails":
        return reports[: turn - 1], ValueError("a broken trial")
    return reports, None


def _metrics(kind: str, step: int, turn: int, chance: Random) -> dict[str, float]:
    loss, accuracy = chance.random(), chance.randint(1, 12) / 12  # coarse: some are equal
    if kind == "begins late" and step == 1:
        return {"train/loss": loss}
    if kind == "diverges" and step == turn:
        loss = accuracy = math.nan
    one_class = kind == "collapses" and step >= turn
    return {"train/loss": loss, LOSS: loss, ACCURACY: accuracy, LARGEST: 1.0 if one_class else 0.5}


@dataclass
class SimulatedTraining:
    """The port Trainer: instant. It keeps count, by trial and attempt, of where each began and how far it came."""

    began: dict[tuple[int, int], int] = field(default_factory=dict)
    trained: dict[tuple[int, int], int] = field(default_factory=dict)
    kept: dict[tuple[int, int], int] = field(default_factory=dict)

    def __call__(
        self, config: TrainConfig, _: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport | Heartbeat, None, None]:
        """An epoch is trained, then kept, then reported; a worker may die between any two of these."""
        assert saved is not None
        place = int(saved.parent.name), int(saved.stem.rpartition("-")[2])
        reports, error = training_course(config)
        done = self.began[place] = _load(saved)
        self.trained[place] = max(self.trained.get(place, 0), done)
        yield from reports[:done]
        for report in reports[done:]:
            self.trained[place] = report.step
            yield Heartbeat()
            _save(saved, report.step)
            self.kept[place] = report.step
            yield report
        if error is not None:
            raise error


def simulated_scoring(
    config: TrainConfig, _: TrainingData, __: Path | None
) -> Generator[ValidationReport | Heartbeat, None, None]:
    """The port Trainer, as it scores a model on the test split: a pure function of its config too."""
    yield Heartbeat()
    yield ValidationReport(
        config.num_validations, float(config.epochs), {"test/accuracy": (config.seed % 13) / 13}, ModelScores({})
    )


def _load(saved: Path) -> int:
    if not saved.exists():
        return 0
    text = saved.read_text(encoding="utf-8")
    if not text.endswith(" whole"):
        raise CheckpointError(f"{saved.name} cannot be read (its checksum is wrong)")
    return int(text.split()[0])


def _save(saved: Path, step: int) -> None:
    saved.parent.mkdir(parents=True, exist_ok=True)
    beside = saved.with_name(f".{saved.name}")
    beside.write_text(f"{step} whole", encoding="utf-8")
    beside.replace(saved)
