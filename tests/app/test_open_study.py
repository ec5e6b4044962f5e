"""Results without their record are an error for every command, and never an empty table or a new beginning."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import sweeper
from sweeper.app import mlflow_sync, report, run_sweeps, train_model
from sweeper.app.open_study import open_study, read_study
from sweeper.errors import UsageError
from sweeper.record.optuna_study import OptunaStudy
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.output import PlainOutput
from tests.support.search_spaces import small_spec

SPEC = small_spec()
OUTPUT = PlainOutput(progress=False)


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    """A sweep that has begun: one trial is in its record."""
    created = create_sweep(tmp_path / "sweeps", SPEC, {"dataset": "d"}, 1)
    with closing(OptunaStudy(SPEC, created.journal, 1)) as study:
        study.ask(0)
    return created


COMMANDS: dict[str, Callable[[SweepFolder], object]] = {
    "run": lambda folder: run_sweeps.run_sweeps(OUTPUT, [SPEC], folder.path.parent, inline=True),
    "open": lambda folder: sweeper.open(folder.path).results,
    "report": lambda folder: report.report_sweep(OUTPUT, folder, texts=False, out=None),
    "train": lambda folder: train_model.find_trial(folder, None, None),
    "sync": lambda folder: mlflow_sync.sync(OUTPUT, folder),
    "read": lambda folder: read_study(folder, SPEC),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_results_without_their_record(command: str, folder: SweepFolder) -> None:
    folder.write_results("{}")
    folder.journal.unlink()
    with pytest.raises(UsageError, match=r"results without their record: record\.journal is missing.*--fresh") as info:
        COMMANDS[command](folder)
    assert len(str(info.value).splitlines()) == 1
    assert not folder.journal.exists()


@pytest.mark.parametrize(
    "trace", ["results.json", "predictions/7-test.parquet", "trials/1/checkpoint-1.pt", "needs_sync"]
)
@pytest.mark.parametrize("state", ["missing", "empty"])
def test_whatever_a_trial_left_tells_of_the_record(trace: str, state: str, folder: SweepFolder) -> None:
    (folder.path / trace).parent.mkdir(parents=True, exist_ok=True)
    (folder.path / trace).write_text("")
    folder.journal.unlink()
    if state == "empty":
        folder.journal.write_text("sweeper record 2\n")
    with pytest.raises(UsageError, match=f"record\\.journal is {state}, and {Path(trace).parts[0]} is there"):
        open_study(folder, SPEC)


def test_a_record_that_was_opened_once_is_missed_even_before_the_first_trial(folder: SweepFolder) -> None:
    folder.journal.unlink()
    with pytest.raises(UsageError, match="record\\.journal is missing"):
        open_study(folder, SPEC)


@pytest.mark.parametrize("content", [None, b"", b"sweeper record 2\n"], ids=str)
def test_a_sweep_that_was_killed_before_its_first_trial_begins(content: bytes | None, tmp_path: Path) -> None:
    created = create_sweep(tmp_path, SPEC, {"dataset": "d"}, 1)
    if content is not None:
        created.journal.write_bytes(content)
    with open_study(created, SPEC) as study:
        assert study.ask(0).number == 1


def test_a_new_sweep_begins_beside_one_without_its_record(folder: SweepFolder) -> None:
    folder.write_results("{}")
    folder.journal.unlink()
    beside = create_sweep(folder.path.parent, SPEC, {"dataset": "d"}, 1)
    with open_study(beside, SPEC) as study:
        assert study.ask(0).number == 1
