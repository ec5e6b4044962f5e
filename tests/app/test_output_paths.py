"""Paths that a command writes to are checked before it does any work, and nothing is left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.app.output_paths import require_sweeps_folder, require_writable_file, require_writable_folder
from sweeper.errors import UsageError

Check = Callable[[Path], None]


def file_check(path: Path) -> None:
    require_writable_file("--out", path)


def folder_check(path: Path) -> None:
    require_writable_folder("--out", path)


@pytest.mark.parametrize(
    ("check", "name", "says"),
    [
        (file_check, ".", "is a folder; name a file"),
        (file_check, "missing/table.md", "does not exist"),
        (file_check, "file/table.md", "is a file"),
        (file_check, "/proc/table.md", "/proc cannot be written"),
        (folder_check, "file", "is a file; name a folder"),
        (folder_check, "missing/model", "does not exist"),
        (folder_check, "/proc", "/proc cannot be written"),
        (require_sweeps_folder, "file", "is a file; name a folder"),
        (require_sweeps_folder, "file/deeper", "is a file; name a folder"),
        (require_sweeps_folder, "/proc/x/y", "/proc cannot be written"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, check: Check, name: str, says: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as caught:
        check(tmp_path / name)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (file_check, "table.md"),
        (file_check, "file"),
        (folder_check, "model"),
        (folder_check, "."),
        (require_sweeps_folder, "a/b/sweeps"),
        (require_sweeps_folder, "."),
    ],
)
def test_a_path_that_can_be_written_is_accepted_and_left_alone(tmp_path: Path, check: Check, name: str) -> None:
    (tmp_path / "file").touch()
    check(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
