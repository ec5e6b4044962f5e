"""A record that lacks what the results have is refused by every command, and never replaces these results."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.app import report
from sweeper.app.open_study import open_study, read_study
from sweeper.app.refresh_results import refresh_results
from sweeper.app.run_sweeps import run_sweeps
from sweeper.app.table_of_sweeps import SweepSelection, render_table
from sweeper.errors import UsageError
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.output import PlainOutput
from tests.support.recorded_sweeps import RecordedSweep

OUTPUT = PlainOutput(progress=False)


@pytest.fixture
def finished(tmp_path: Path) -> RecordedSweep:
    """A finished sweep of two trials and four fresh seeds, whose models were scored."""
    return RecordedSweep(tmp_path / "sweeps", budget={"trials": 2}).search().finish()


def shorten(folder: SweepFolder, *marks: bytes) -> None:
    """Cut the record off before its first line that has all of these texts."""
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    first = next(k for k, line in enumerate(lines) if all(mark in line for mark in marks))
    folder.journal.write_bytes(b"".join(lines[:first]))


@pytest.mark.parametrize(
    ("marks", "lacking"),
    [
        ((b'{"number": 4}',), "trial 4"),
        ((b'"outcome"', b'"trial_id": 5,'), "the end of trial 6"),
        ((b'{"test:4"',), "the test score of trial 4"),
        ((b'{"test_access:',), "the test score of trial 3"),
    ],
    ids=str,
)
def test_what_the_record_lacks_is_named(marks: tuple[bytes, ...], lacking: str, finished: RecordedSweep) -> None:
    shorten(finished.folder, *marks)
    with pytest.raises(UsageError, match=f"record.journal: lacks {lacking}, which results.json has: it is an older"):
        read_study(finished.folder, finished.spec)


def test_a_lost_access_without_a_score_is_named(finished: RecordedSweep) -> None:
    with finished.study() as study:
        access = study.test_accesses()[0]
        study.record_test_access(next(it.trial for it in study.all_trials() if it.trial.number == access.trial))
        refresh_results(OUTPUT, finished.folder, finished.spec, study)
    lines = finished.folder.journal.read_bytes().splitlines(keepends=True)
    finished.folder.journal.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(UsageError, match="lacks 1 of 5 test accesses"):
        read_study(finished.folder, finished.spec)


COMMANDS: dict[str, Callable[[RecordedSweep], object]] = {
    "run": lambda sweep: run_sweeps(OUTPUT, [sweep.spec], sweep.folder.path.parent, inline=True),
    "continue": lambda sweep: open_study(sweep.folder, sweep.spec),
    "report": lambda sweep: report.report_sweep(OUTPUT, sweep.folder, texts=False, out=None),
    "table": lambda sweep: render_table(SweepSelection(sweep.folder.path.parent), "accuracy", "md"),
}


def files_of(folder: SweepFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_it_and_overwrites_nothing(command: str, finished: RecordedSweep) -> None:
    shorten(finished.folder, b'{"test_access:')
    before = files_of(finished.folder)
    with pytest.raises(UsageError, match=r"restore a newer copy, or move .*results\.json away") as info:
        COMMANDS[command](finished)
    assert len(str(info.value).splitlines()) == 1
    assert files_of(finished.folder) == before
    with finished.study():  # the lock was released
        pass


def test_without_the_results_the_sweep_continues_from_the_record_as_it_is(finished: RecordedSweep) -> None:
    shorten(finished.folder, b'{"test_access:')
    (finished.folder.path / "results.json").unlink()
    with open_study(finished.folder, finished.spec) as study:
        assert not study.test_accesses()
