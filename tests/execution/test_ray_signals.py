"""Signals while Ray's workers train: the runner stops in the middle of an epoch. Each test has a runner of its own.

`make test` sends SIGTERM to a whole command in tests/end_to_end/test_faults.py.
"""

import signal
from pathlib import Path

import pytest

from sweeper.errors import SweepInterrupted
from sweeper.execution.ray_runner import RayRunner
from sweeper.training.config import TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.trial import Trial
from tests.support.fakes import ScriptedTrials, data, scripted_trainer

pytestmark = pytest.mark.ray


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 143, marks=pytest.mark.slow),
    ],
)
def test_signal_ends_the_run_in_the_middle_of_an_epoch(tmp_path: Path, number: signal.Signals, code: int) -> None:
    class SignallingTrials(ScriptedTrials):
        def report(self, trial: Trial, report: ValidationReport) -> bool:
            signal.raise_signal(number)
            return super().report(trial, report)

    trials = SignallingTrials([TrainConfig(encoder="m", tau=8.0, epochs=600)])
    job = TrainingJob(scripted_trainer, {"m": data()}, tmp_path)
    with (
        RayRunner() as runner,
        runner.workers(runner.allocate(1, 0)) as workers,
        pytest.raises(SweepInterrupted) as caught,
    ):
        workers.run(trials, job)
    assert caught.value.exit_code == code
    assert trials.reports == {1: [1]}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
