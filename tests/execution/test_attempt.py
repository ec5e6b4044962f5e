"""One attempt at a trial: its reports and its end."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.errors import DivergedError, OutOfMemoryError
from sweeper.execution.attempt import run_attempt
from sweeper.storage.trial_files import trial_folder
from sweeper.training.config import TrainConfig
from sweeper.training.trainer import train_events
from sweeper.training.types import TokenizedSplit, TrainingData, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support import tiny_training
from tests.support.attempts import DATA, REPORTS, failing, job, trial


def caused_by(error: Exception) -> Exception:
    """Return an error that another one has caused."""
    wrapped = ValueError("a wrapper")
    wrapped.__cause__ = error
    return wrapped


def test_reports_come_first_and_then_completed(tmp_path: Path) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield from REPORTS

    assert list(run_attempt(trial(), job(run, tmp_path), DATA)) == [*REPORTS, TrialEnd(Outcome.COMPLETED)]
    assert list(tmp_path.iterdir()) == []


def test_trainer_gets_the_config_the_data_and_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    arguments: list[tuple[TrainConfig, TrainingData, Path | None]] = []

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        arguments.append((config, data, saved))
        yield REPORTS[0]

    for number, attempt in ((1, 1), (1, 2), (2, 1)):
        list(run_attempt(trial(number, attempt=attempt), job(run, tmp_path), DATA))
    assert arguments[0][0] == trial().config
    assert arguments[0][1] is DATA
    assert len({saved for _, _, saved in arguments}) == 3


@pytest.mark.parametrize(
    ("error", "trial_end"),
    [
        (DivergedError("not finite at epoch 2"), TrialEnd(Outcome.DIVERGED, "not finite at epoch 2")),
        (OutOfMemoryError("no memory left"), TrialEnd(Outcome.OUT_OF_MEMORY, "no memory left")),
        (ValueError("bad\n  shape"), TrialEnd(Outcome.FAILED, "ValueError: bad shape")),
        (KeyError(), TrialEnd(Outcome.FAILED, "KeyError: no message")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exception_is_an_outcome_and_leaves_a_traceback(tmp_path: Path, error: Exception, trial_end: TrialEnd) -> None:
    assert list(run_attempt(trial(7), job(failing(error), tmp_path), DATA)) == [REPORTS[0], trial_end]
    text = (trial_folder(tmp_path, trial(7)) / "error.txt").read_text(encoding="utf-8")
    assert text.startswith("Traceback")
    assert type(error).__name__ in text
    assert "in run" in text


@pytest.mark.parametrize(
    ("error", "is_broken"),
    [
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), True),
        (caused_by(torch.AcceleratorError("CUDA error: unspecified launch failure")), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), False),
        (OutOfMemoryError("no memory left"), False),
        (RuntimeError("index out of range in self"), False),
        (ValueError("CUDA"), False),
    ],
    ids=lambda value: str(value)[:30],
)
def test_error_that_breaks_the_device_says_that_the_process_can_train_no_more(
    tmp_path: Path, error: Exception, is_broken: bool
) -> None:
    *_, trial_end = run_attempt(trial(), job(failing(error), tmp_path), DATA)
    assert isinstance(trial_end, TrialEnd)
    assert trial_end.breaks_process == is_broken


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        MemoryError(),
    ],
    ids=lambda error: str(error)[:30],
)
def test_every_allocator_that_has_no_memory_left_is_out_of_memory(tmp_path: Path, error: Exception) -> None:
    class NoMemoryLeft(dict[str, TokenizedSplit]):
        def __getitem__(self, name: str) -> TokenizedSplit:
            raise error

    data, config = replace(tiny_training.data(rows=32), splits=NoMemoryLeft()), tiny_training.config(epochs=1)
    *_, trial_end = run_attempt(trial(config=config), TrainingJob(train_events, {"tiny": data}, tmp_path), data)
    assert isinstance(trial_end, TrialEnd)
    assert (trial_end.outcome, trial_end.breaks_process) == (Outcome.OUT_OF_MEMORY, False)


def test_exception_before_the_first_report_is_an_outcome_too(tmp_path: Path) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        raise OSError("no such device")

    assert list(run_attempt(trial(), job(run, tmp_path), DATA)) == [TrialEnd(Outcome.FAILED, "OSError: no such device")]


def test_long_message_is_cut(tmp_path: Path) -> None:
    *_, trial_end = run_attempt(trial(), job(failing(RuntimeError("x" * 5000)), tmp_path), DATA)
    assert isinstance(trial_end, TrialEnd)
    assert len(trial_end.reason) == 400


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)], ids=lambda error: type(error).__name__)
def test_interruption_is_not_an_outcome(tmp_path: Path, error: BaseException) -> None:
    events = run_attempt(trial(), job(failing(error), tmp_path), DATA)
    assert next(events) == REPORTS[0]
    with pytest.raises(type(error)):
        next(events)
    assert list(tmp_path.iterdir()) == []


def test_closing_early_closes_the_trainer(tmp_path: Path) -> None:
    ended = []

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        try:
            yield from REPORTS
        finally:
            ended.append(config)

    events = run_attempt(trial(), job(run, tmp_path), DATA)
    assert next(events) == REPORTS[0]
    assert not ended
    events.close()
    assert len(ended) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [None, "0.5", [0.5]], ids=str)
def test_metric_that_is_not_a_number_ends_the_trial_before_it_is_recorded(tmp_path: Path, value: Any) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield ValidationReport(1, 1.0, {"validation/accuracy": value})

    (trial_end,) = run_attempt(trial(), job(run, tmp_path), DATA)
    assert trial_end == TrialEnd(
        Outcome.FAILED, f"TypeError: validation/accuracy = {value!r} after epoch 1 is not a number"
    )
