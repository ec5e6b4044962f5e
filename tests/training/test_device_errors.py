"""Errors of a GPU: those that end a trial, those that end its process, and the memory that a failed trial held."""

import weakref
from collections.abc import Generator
from pathlib import Path

import pytest
import torch

from sweeper.execution.attempt import run_attempt
from sweeper.training.config import TrainConfig
from sweeper.training.device_errors import breaks_device, is_out_of_memory
from sweeper.training.types import EncoderWeights, TrainingData, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd

DATA = TrainingData(("a", "b"), EncoderWeights("none", {}, {}, 0), {})
TRIAL = Trial(1, 0, {}, TrainConfig(encoder="none"))
NO_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


@pytest.mark.parametrize(
    ("error", "no_memory", "broken"),
    [
        (NO_MEMORY, True, False),
        (torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously"), True, False),
        (RuntimeError("CUDA driver error: out of memory"), True, False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True, False),
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), False, True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"), False, True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"), False, True),
        (RuntimeError("CUDA driver error: device kernel image is invalid"), False, True),
        (RuntimeError("Triton Error [CUDA]: misaligned address"), False, True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"), False, False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False, False),
        (ValueError("CUDA error: a text of somebody else"), False, False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_errors_of_a_gpu_are_told_apart(error: Exception, no_memory: bool, broken: bool) -> None:
    assert (is_out_of_memory(error), breaks_device(error)) == (no_memory, broken)


class FakeGpu:
    """A GPU that a training has used: `answer` is what its next computation raises, if anything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Exception | None = None) -> None:
        self.answer, self.freed = answer, 0
        self.weights: weakref.ref[torch.Tensor] | None = None
        self.held_when_freed = True
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.cuda, "empty_cache", self._free)
        monkeypatch.setattr(torch, "ones", self._compute)

    def train_until(self, error: Exception, config: TrainConfig, data: TrainingData, path: Path | None) -> Generator[
        ValidationReport, None, None
    ]:  # fmt: skip
        weights = torch.zeros(3)
        self.weights = weakref.ref(weights)
        yield ValidationReport(1, 1.0, {"validation/accuracy": float(weights.sum())})
        raise type(error)(*error.args)

    def end_of(self, error: Exception, folder: Path) -> TrialEnd:
        job = TrainingJob(lambda *arguments: self.train_until(error, *arguments), {"none": DATA}, folder)
        *_, trial_end = run_attempt(TRIAL, job, DATA)
        assert isinstance(trial_end, TrialEnd)
        return trial_end

    def _free(self) -> None:
        self.freed += 1
        self.held_when_freed = self.weights is not None and self.weights() is not None

    def _compute(self, *_: object, device: str) -> torch.Tensor:
        assert device == "cuda"
        if self.answer is not None:
            raise self.answer
        return torch.zeros(1)


@pytest.mark.parametrize("error", [NO_MEMORY, RuntimeError("CUDA error: out of memory"), ValueError("a wrong shape")])
def test_memory_of_a_failed_trial_is_returned_to_the_gpu(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = FakeGpu(monkeypatch)
    trial_end = gpu.end_of(error, tmp_path)
    assert (trial_end.breaks_process, gpu.freed, gpu.held_when_freed) == (False, 1, False)


def test_process_ends_if_its_gpu_answers_no_more_after_an_error_that_does_not_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = FakeGpu(monkeypatch, torch.AcceleratorError("CUDA error: device-side assert triggered"))
    trial_end = gpu.end_of(IndexError("a label beyond the classes"), tmp_path)
    assert (trial_end.outcome, trial_end.breaks_process) == (Outcome.FAILED, True)


def test_gpu_that_others_have_filled_is_not_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial_end = FakeGpu(monkeypatch, NO_MEMORY).end_of(NO_MEMORY, tmp_path)
    assert (trial_end.outcome, trial_end.breaks_process) == (Outcome.OUT_OF_MEMORY, False)


def test_out_of_memory_while_a_model_is_scored_is_out_of_memory_too(tmp_path: Path) -> None:
    def score(config: TrainConfig, data: TrainingData, path: Path | None) -> Generator[ValidationReport, None, None]:
        yield from ()
        raise torch.OutOfMemoryError("CUDA out of memory")

    *_, trial_end = run_attempt(TRIAL, TrainingJob(score, {"none": DATA}, tmp_path), DATA)
    assert trial_end == TrialEnd(Outcome.OUT_OF_MEMORY, "CUDA out of memory")
