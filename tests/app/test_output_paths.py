"""Paths that a command writes to are checked before it does any work, and nothing is left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.app.output_paths import (
    format_of_file,
    require_other_file,
    require_sweeps_folder,
    require_writable_file,
    require_writable_folder,
)
from sweeper.errors import UsageError

Check = Callable[[Path], None]
ENDINGS = {".md": "md", ".tex": "latex"}


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


@pytest.mark.parametrize("name", ["rows.csv", "folder/../rows.csv", "soft.csv", "hard.csv"])
def test_the_file_that_is_read_is_refused_by_any_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    rows = tmp_path / "rows.csv"
    rows.touch()
    (tmp_path / "soft.csv").symlink_to(rows)
    (tmp_path / "hard.csv").hardlink_to(rows)
    with pytest.raises(UsageError) as error:
        require_other_file("--out", tmp_path / name, rows)
    assert str(error.value) == f"--out {tmp_path / name}: is the file that is read; name another"


def test_another_file_than_the_one_that_is_read_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    (tmp_path / "old.csv").touch()
    for out, read in (("new.csv", "rows.csv"), ("old.csv", "rows.csv"), ("rows.csv", "-")):
        require_other_file("--out", tmp_path / out, tmp_path / read)


@pytest.mark.parametrize(
    ("name", "format_name"), [("t.tex", "latex"), ("a.b/T.TEX", "latex"), ("t.md", "md"), ("t", "md"), (None, "md")]
)
def test_the_ending_of_a_file_names_its_format(name: str | None, format_name: str) -> None:
    assert format_of_file(None if name is None else Path(name), ENDINGS, "md") == format_name


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("t.xml", "no format has the ending .xml, allowed: .md, .tex; or a remedy"),
        ("t.text", "no format has the ending .text, allowed: .md, .tex; or a remedy"),
        ("t.md.gz", "no format has the ending .gz, allowed: .md, .tex; or a remedy"),
    ],
)
def test_an_unknown_ending_is_refused(name: str, rule: str) -> None:
    with pytest.raises(UsageError) as error:
        format_of_file(Path(name), ENDINGS, "md", "or a remedy")
    assert str(error.value) == f"--out {name}: {rule}"
