"""A run that succeeds says nothing in Ray's name."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.execution.ray_runner import RayRunner
from sweeper.execution.ray_warnings import needless_warnings_left_out
from sweeper.training.config import TrainConfig
from sweeper.trials.interfaces import TrainingJob
from tests.support.fakes import ScriptedTrials, data, scripted_trainer

WORKER = "ray._private.worker"
NEEDLESS = "SIGTERM handler is not set because current thread is not the main thread."


class Messages(logging.Handler):
    """Keeps the messages that the logger of Ray gets."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.fixture
def messages() -> Iterator[Messages]:
    handler = Messages(logging.WARNING)
    logging.getLogger("ray").addHandler(handler)
    yield handler
    logging.getLogger("ray").removeHandler(handler)


def test_other_warnings_of_the_same_logger_pass_and_all_do_later(messages: Messages) -> None:
    with needless_warnings_left_out():
        logging.getLogger(WORKER).warning(NEEDLESS)
        logging.getLogger(WORKER).warning("a worker died")
    assert messages.texts == ["a worker died"]
    logging.getLogger(WORKER).warning(NEEDLESS)
    assert messages.texts == ["a worker died", NEEDLESS]


@pytest.mark.ray
def test_a_run_that_succeeds_logs_no_warning_of_ray(
    messages: Messages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    trials = ScriptedTrials([TrainConfig(encoder="m", tau=8.0, epochs=1)])
    job = TrainingJob(scripted_trainer, {"m": data()}, tmp_path)
    with RayRunner() as runner, runner.workers(runner.allocate(1, 0)) as workers:
        workers.run(trials, job)
    assert trials.is_exhausted()
    assert messages.texts == []
