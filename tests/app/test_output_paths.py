"""Paths that a command writes to are checked before it does any work, and nothing is left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.app.output_paths import require_sweeps_folder, require_writable_file, require_writable_folder

Check = Callable[[Path], None]


def file_check(path: Path) -> None:
    require_writable_file("--out", path)


def folder_check(path: Path) -> None:
    require_writable_folder("--out", path)


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
