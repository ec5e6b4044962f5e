"""The disk that attempts at a trial take, and the files of a trial that are deleted."""

from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from sweeper.execution.attempt import run_attempt
from sweeper.storage.trial_files import delete_trial_files, trial_folder
from sweeper.training.model import Classifier
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.trainer import train_events
from sweeper.training.types import Heartbeat, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support import tiny_training
from tests.support.attempts import DATA, contents, failing, job, trial
from tests.support.crash_helpers import limited_file_size
from tests.support.fakes import text_trainer


@pytest.mark.parametrize("attempts", [1, 3])
def test_checkpoints_take_as_much_disk_as_documented(tmp_path: Path, attempts: int) -> None:
    """One checkpoint per running trial, a second while it is written, each with 12 bytes per parameter."""
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    parameters = sum(parameter.numel() for parameter in Classifier(config, data).parameters())
    file_counts: list[int] = []
    for number in range(1, attempts + 1):
        events = run_attempt(
            trial(attempt=number, config=config), TrainingJob(train_events, {"tiny": data}, tmp_path), data
        )
        for event in islice(events, None if number == attempts else 6):
            files = {path.stat().st_ino: path.stat().st_size for path in trial_folder(tmp_path, trial()).glob("*")}
            file_counts.append(len(files))
            if isinstance(event, ValidationReport):
                assert len(files) == 1
                assert sum(files.values()) < 12 * parameters + 100_000  # names, generators, reports
        events.close()
    assert max(file_counts) <= 2


def test_confirmation_takes_as_much_disk_as_documented(tmp_path: Path) -> None:
    """Checkpoints with 16 bytes per parameter. At the end only a model with 4 bytes per parameter is left."""
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    parameters = sum(parameter.numel() for parameter in Classifier(config, data).parameters())
    training_job = TrainingJob(
        partial(train_events, objective=ObjectiveMetric(maximize="validation/accuracy")), {"tiny": data}, tmp_path
    )
    for event in run_attempt(trial(config=config), training_job, data):
        if isinstance(event, ValidationReport):
            (size,) = (path.stat().st_size for path in trial_folder(tmp_path, trial()).glob("*"))
            assert size < 16 * parameters + 100_000
    delete_trial_files(tmp_path, trial())
    (model,) = trial_folder(tmp_path, trial()).glob("*")
    assert 4 * parameters < model.stat().st_size < 4 * parameters + 100_000
    delete_trial_files(tmp_path, trial(), model=True)
    assert not model.parent.exists()


def test_full_disk_leaves_a_training_without_checkpoints_and_is_reported(tmp_path: Path) -> None:
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=2)
    with limited_file_size(1000):
        events = [
            event
            for event in run_attempt(trial(config=config), TrainingJob(train_events, {"tiny": data}, tmp_path), data)
            if event != Heartbeat()
        ]
    notes = [event.note for event in events if isinstance(event, Heartbeat)]
    assert len(notes) == 1
    assert "checkpoint-1.pt cannot be written (File too large); training continues without a checkpoint" in notes[0]
    assert events[-1] == TrialEnd(Outcome.COMPLETED)
    assert contents(trial_folder(tmp_path, trial())) == {}


def test_deleting_trial_files_removes_every_checkpoint_and_empty_folders(tmp_path: Path) -> None:
    for attempt in (1, 2):
        list(run_attempt(trial(attempt=attempt), job(text_trainer("a"), tmp_path), DATA))
    delete_trial_files(tmp_path, trial())
    assert list(tmp_path.iterdir()) == []
    delete_trial_files(tmp_path, trial())  # twice does no harm


def test_deleting_trial_files_keeps_the_traceback_and_other_trials(tmp_path: Path) -> None:
    list(run_attempt(trial(1), job(text_trainer("a"), tmp_path), DATA))
    list(run_attempt(trial(1, attempt=2), job(failing(ValueError("bad")), tmp_path), DATA))
    list(run_attempt(trial(11), job(text_trainer("b"), tmp_path), DATA))
    delete_trial_files(tmp_path, trial(1))
    assert [path.name for path in trial_folder(tmp_path, trial(1)).iterdir()] == ["error.txt"]
    assert list(contents(trial_folder(tmp_path, trial(11)))) == ["checkpoint-1.pt"]


def test_deleting_trial_files_removes_a_half_written_checkpoint(tmp_path: Path) -> None:
    list(run_attempt(trial(), job(text_trainer("a"), tmp_path), DATA))
    (trial_folder(tmp_path, trial()) / ".checkpoint-1.pt-x1y2z3").write_text("half", encoding="utf-8")
    delete_trial_files(tmp_path, trial())
    assert list(tmp_path.iterdir()) == []
