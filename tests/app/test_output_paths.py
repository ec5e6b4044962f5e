"""Paths that a command writes to are checked before it does any work, and nothing is left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.app.output_paths import (
    format_of_file,
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
