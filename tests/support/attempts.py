"""Attempts at a trial: trials, jobs and a trainer that fails, for tests of `run_attempt`."""

from collections.abc import Generator
from pathlib import Path

from sweeper.training.config import TrainConfig
from sweeper.training.types import EncoderWeights, Trainer, TrainingData, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.trial import Trial

DATA = TrainingData(("a", "b"), EncoderWeights("none", {}, {}, 0), {})
REPORTS = [
    ValidationReport(1, 1.0, {"validation/accuracy": 0.5}),
    ValidationReport(2, 2.0, {"validation/accuracy": 0.75}),
]


def trial(number: int = 1, *, attempt: int = 1, config: TrainConfig | None = None) -> Trial:
    return Trial(number, 0, {}, config or TrainConfig(encoder="none"), attempt)


def job(trainer: Trainer, folder: Path) -> TrainingJob:
    return TrainingJob(trainer, {"none": DATA}, folder)


def failing(error: BaseException) -> Trainer:
    """Return a trainer that raises this error after one report."""

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield REPORTS[0]
        raise error

    return run


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
