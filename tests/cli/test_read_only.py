"""A sweep on a disk that cannot be written is read. What would write to it is refused in one line; nothing is left."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.storage.sweep_folder import SweepFolder
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.run_here import run_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SweepFolder]:
    """Give a sweep whose folder is mounted without the right to write; the folder around it is not."""
    folder = RecordedSweep(tmp_path_factory.mktemp("read-only") / "sweeps").search().folder
    (folder.path / "logs").mkdir()
    place = str(folder.path)
    if os.geteuid() != 0 or subprocess.run(["mount", "--bind", place, place], check=False).returncode:
        pytest.skip("mounting a folder needs root")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sync",), "{path}/logs/"),
        (("rm", "--yes"), "sweeps/{name}/record.journal.lock: cannot be written (Read-only file system)"),
        (("clone", "1"), "sweeps/{name}/record.journal: cannot be written (Read-only file system)"),
        (
            ("report",),
            "--out sweeps/{name}/report.html: {path} cannot be written (Read-only file system); name another",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_that_writes_is_refused_in_one_line(
    folder: SweepFolder, arguments: tuple[str, ...], message: str
) -> None:
    command, *options = arguments
    before = sorted(folder.path.parents[1].rglob("*"))
    done = run_here([command, folder.name, *options], folder.path.parents[1])
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert done.stderr.startswith(message.format(path=folder.path, name=folder.name))
    assert sorted(folder.path.parents[1].rglob("*")) == before


def test_a_report_may_be_written_elsewhere(folder: SweepFolder, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    done = run_here(
        ["report", str(folder.path), "--out", "page.html"], tmp_path, variables={"TMPDIR": str(tmp_path / "temporary")}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "temporary"]
    assert not list((tmp_path / "temporary").glob("sweeper-*"))
