"""A sweep is deleted whole or not at all, and never under a driver."""

import os
import pty
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

import sweeper as package
from sweeper.app.mlflow_sync import sync
from sweeper.app.remove_sweeps import describe_loss, find_removable_sweeps
from sweeper.errors import SweeperError, SweepLockedError, UsageError
from sweeper.storage.record_lock import hold_record, is_locked
from sweeper.storage.sweep_folder import MANIFEST
from sweeper.terminal.output import PlainOutput
from tests.support.cli_runner import SWEEPER, environment, runs_of
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.run_here import run_here


def test_a_deleted_sweep_leaves_nothing_and_the_others_stay(tmp_path: Path) -> None:
    first, second = (RecordedSweep(tmp_path, seed=seed).search() for seed in (0, 1))
    (first.folder.path / "train" / "1-seed-2").mkdir(parents=True)
    assert package.remove_sweep(first.folder.name, sweeps=tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == [second.folder.name]


def test_a_sweep_under_a_driver_is_never_deleted(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path).search()
    with sweep.study(), pytest.raises(SweepLockedError, match="another sweeper drives this sweep, process "):
        package.remove_sweep(sweep.folder.path)
    assert sweep.folder.journal.exists()
    package.remove_sweep(sweep.folder.path)
    assert not sweep.folder.path.exists()


def test_a_sweep_under_a_driver_is_refused_before_the_question_and_none_is_deleted(tmp_path: Path) -> None:
    free, driven = (RecordedSweep(tmp_path / "sweeps", seed=seed).search() for seed in (0, 1))
    with driven.study():
        done = run_here(["rm", free.folder.name, driven.folder.name], tmp_path)
    assert (done.returncode, done.stdout) == (SweepLockedError.exit_code, "")
    assert done.stderr.endswith(f"; wait for it, or end it: sweeper stop sweeps/{driven.folder.name}\n")
    assert free.folder.path.exists()


def test_no_driver_starts_while_a_sweep_is_being_deleted(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path).search()
    with hold_record(sweep.folder.journal):
        assert is_locked(sweep.folder.journal)
        with pytest.raises(SweepLockedError):
            sweep.study()
    assert not is_locked(sweep.folder.journal)


@pytest.mark.parametrize(("name", "text"), [("record.journal", "damaged\n\n"), ("sweep.yaml", "{")])
def test_a_damaged_sweep_can_be_deleted(name: str, text: str, tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path).search().folder
    (folder.path / name).write_text(text, encoding="utf-8")
    assert describe_loss(folder).startswith(f"{folder.path}: ")
    package.remove_sweep(folder.path)
    assert not folder.path.exists()


@pytest.mark.parametrize(
    ("seeds", "said"), [(0, ""), (1, ", and 1 test access that"), (2, ", and 2 test accesses that")]
)
def test_lost_test_accesses_are_counted(seeds: int, said: str, tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path).search()
    with sweep.study() as study:
        for trial in study.all_trials()[:seeds]:
            study.record_test_access(trial.trial)
    _, _, counted = describe_loss(sweep.folder).rpartition("B")
    assert counted == (f"{said} tables will no longer count" if said else "")


def test_a_link_goes_with_the_folder_that_it_leads_to_and_other_links_are_not_followed(tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path / "disk").search().folder
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").touch()
    (folder.path / "logs").symlink_to(tmp_path / "data")
    link = tmp_path / "sweep"
    link.symlink_to(folder.path)
    package.remove_sweep(link)
    assert (tmp_path / "data" / "mine").exists()
    assert not link.is_symlink()
    assert not folder.path.exists()


def test_a_deletion_that_was_interrupted_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system lists sweep.json first and the folders last, and deleting the first folder is interrupted."""
    folder = RecordedSweep(tmp_path).search().folder
    (folder.path / "logs").mkdir(exist_ok=True)
    listed = sorted(folder.path.iterdir(), key=lambda path: (path.is_dir(), path.name != MANIFEST))
    assert listed[0].name == MANIFEST

    def interrupt(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(Path, "iterdir", lambda _: iter(listed))
        interrupted.setattr(shutil, "rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt):
            package.remove_sweep(folder.path)
    assert not folder.journal.exists()
    assert package.remove_sweep(folder.name, sweeps=tmp_path) == 0
    assert not folder.path.exists()


def test_what_is_lost_is_said(tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path).search().finish().folder
    assert "and 4 test accesses that tables will no longer count" in describe_loss(folder)
    assert len(find_removable_sweeps([folder.name, folder.path], tmp_path)) == 1


def test_without_an_mlflow_that_answers_nothing_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RecordedSweep(tmp_path).search().folder
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(SweeperError, match="was not deleted: try again when MLflow is back"):
        package.remove_sweep(folder.path, runs=True)
    assert folder.journal.exists()


def test_where_nobody_can_answer_the_command_asks_for_yes(tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path / "sweeps").search().folder
    done = subprocess.run(
        [*SWEEPER, "rm", folder.name], cwd=tmp_path, env=environment({}), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2,
        "sweeper rm: nobody can answer its question here; --yes deletes without asking\n",
    )
    assert folder.path.exists()
    done = run_here(["rm", folder.name, "--yes"], tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == f"deleted sweeps/{folder.name}"


@pytest.mark.parametrize(
    ("answer", "code", "is_kept"),
    [("n\n", 1, True), ("\x04", 1, True), ("y\n", 0, False), ("maybe\ny\n", 0, False)],
)
def test_the_question_can_be_answered(answer: str, code: int, is_kept: bool, tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path / "sweeps").search().folder
    keyboard, stdin = pty.openpty()
    os.write(keyboard, answer.encode())
    done = subprocess.run(
        [*SWEEPER, "rm", folder.name], cwd=tmp_path, env=environment({}), stdin=stdin, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    os.close(keyboard)
    os.close(stdin)
    assert (done.returncode, folder.path.exists()) == (code, is_kept), done.stderr
    said = "maybe is neither yes nor no; write y to delete, or n to keep" in " ".join(done.stdout.split())
    assert said == answer.startswith("maybe")
    assert done.stdout.splitlines()[-1].endswith("nothing was deleted" if is_kept else f"deleted sweeps/{folder.name}")


def test_an_unknown_sweep_deletes_nothing(tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path).search().folder
    with pytest.raises(UsageError, match="not a sweep"):
        find_removable_sweeps([folder.name, "nothing"], tmp_path)


@pytest.mark.mlflow
def test_the_runs_stay_while_another_folder_of_the_sweep_is_beside_it(tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path / "sweeps").search().folder
    sync(PlainOutput(progress=False), folder)
    shutil.copytree(folder.path, tmp_path / "sweeps" / "backup")
    done = run_here(["rm", "backup", "--runs", "--yes"], tmp_path)
    kept = f"its runs in MLflow stay, because they are those of sweeps/{folder.name} too"
    assert done.stdout.splitlines()[-1] == f"deleted sweeps/backup; {kept}"
    assert sorted(runs_of(tmp_path / "sweeps", "sst5")) == [0, 1, 2]
    assert package.remove_sweep(folder.path, runs=True) == 3


@pytest.mark.mlflow
def test_the_runs_of_the_sweep_go_from_mlflow_and_those_of_others_stay(tmp_path: Path) -> None:
    first, second = (RecordedSweep(tmp_path, seed=seed).search().folder for seed in (0, 1))
    for folder in (first, second):
        sync(PlainOutput(progress=False), folder)
    assert package.remove_sweep(first.path, runs=True) == 3  # two trials and their parent
    kept = runs_of(tmp_path, "sst5")
    assert sorted(kept) == [0, 1, 2]
    assert {run.data.tags["sweeper.id"] for run in kept.values()} == {second.manifest.id}


def damage_tags(sweeps: Path, trial: str, keys: str) -> None:
    """Delete tags of a trial's run, or of the parent's, which has the trial ""."""
    with closing(sqlite3.connect(sweeps / "mlflow.db")) as database, database:
        numbered = "SELECT run_uuid FROM tags WHERE key = 'sweeper.trial'"
        of_run = f"run_uuid IN ({numbered} AND value = '{trial}')" if trial else f"run_uuid NOT IN ({numbered})"
        assert database.execute(f"DELETE FROM tags WHERE {of_run} AND key LIKE '{keys}'").rowcount


@pytest.mark.mlflow
@pytest.mark.parametrize(("trial", "keys"), [("1", "sweeper.%"), ("1", "sweeper.trial"), ("", "sweeper.%")])
def test_a_run_that_lost_tags_goes_with_those_around_it(trial: str, keys: str, tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path).search().folder
    sync(PlainOutput(progress=False), folder)
    damage_tags(tmp_path, trial, keys)
    assert package.remove_sweep(folder.path, runs=True) == 3
    assert not folder.path.exists()


@pytest.mark.mlflow
def test_where_mlflow_hides_a_run_it_is_named_and_nothing_is_deleted(tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path / "sweeps").search().folder
    sync(PlainOutput(progress=False), folder)
    damage_tags(folder.path.parent, "2", "%")
    done = run_here(["rm", folder.name, "--runs", "--yes"], tmp_path)
    uri = f"sqlite:///{folder.path.parent / 'mlflow.db'}"
    assert (done.returncode, done.stderr) == (
        2,
        f"--runs: MLflow at {uri} has no run of trial 2, or one with damaged tags; nothing was deleted: sweeper sync "
        f"sweeps/{folder.name} sends them again, and without --runs the folder alone is deleted\n",
    )
    assert folder.journal.exists()
    (folder.path.parent / "mlflow.db").unlink()
    with pytest.raises(UsageError, match="has no run of trials 1, 2, or"):
        package.remove_sweep(folder.path, runs=True)
    assert not (folder.path.parent / "mlflow.db").exists()
