"""Signals while Ray's workers train: the runner leaves in mid-epoch. It is closed then, so each test has its own."""

import signal
from pathlib import Path

import pytest

from sweeper.errors import SweepInterrupted
from sweeper.execution.ray_runner import RayRunner
from sweeper.training.config import TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.trial import Trial
from tests.support.fakes import Scripted, data, scripted

pytestmark = pytest.mark.ray


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_ends_it_in_the_middle_of_an_epoch(tmp_path: Path, number: signal.Signals, code: int) -> None:
    class Signalling(Scripted):
        def report(self, trial: Trial, report: ValidationReport) -> bool:
            signal.raise_signal(number)
            return super().report(trial, report)

    trials = Signalling([TrainConfig(encoder="m", tau=8.0, epochs=600)])
    with pytest.raises(SweepInterrupted) as caught, RayRunner() as runner:
        runner.run(trials, TrainingJob(scripted, {"m": data()}, tmp_path), runner.allocate(1, 0))
    assert caught.value.exit_code == code
    assert trials.reports == {1: [1]}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
