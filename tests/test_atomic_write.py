"""Files that must survive a power cut are on the disk itself, on Linux and on macOS."""

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest

from sweeper.atomic_write import atomic_write, flush_to_disk, write_json

FULL_SYNC = 51  # macOS's F_FULLFSYNC


def write(path: Path) -> bytes:
    with atomic_write(path) as file:
        file.write(b"content")
    with path.open("rb") as written:
        flush_to_disk(written.fileno(), content_only=True)
    return path.read_bytes()


def test_without_fdatasync_files_are_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fdatasync")
    assert write(tmp_path / "new" / "file") == b"content"


@pytest.mark.parametrize("supported", [True, False])
def test_on_macos_the_cache_of_the_drive_is_emptied(
    supported: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[int] = []
    synced: list[int] = []

    def control(descriptor: int, command: int) -> int:
        requests.append(command)
        if not supported:  # as on a network share
            raise OSError(45, "Operation not supported")
        return 0

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", FULL_SYNC, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.setattr(os, "fdatasync", synced.append)
    assert write(tmp_path / "file") == b"content"
    assert requests == [FULL_SYNC, FULL_SYNC]
    assert len(synced) == (0 if supported else 2)


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 250)  # the name of the temporary file is longer than a name may be
    with pytest.raises(OSError, match="File name too long") as error:
        write(path)
    assert error.value.filename == str(path)


def test_a_failed_write_leaves_no_file_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "values.json", {"best": object()})
    assert list(tmp_path.iterdir()) == []


def test_everybody_may_read_a_written_json_file(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "values.json", {"a": [1, None]})
    written = tmp_path / "new" / "values.json"
    assert json.loads(written.read_text(encoding="utf-8")) == {"a": [1, None]}
    assert written.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("function", ["fsync", "fchmod"])
def test_a_disk_that_is_full_when_the_block_ends_is_an_error_of_the_file(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OSError, match="No space left") as error:
        write(tmp_path / "file")
    assert error.value.filename == str(tmp_path / "file")
    assert not any(tmp_path.iterdir())


def test_a_write_that_fails_is_an_error_of_the_file_and_other_errors_keep_their_own(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(OSError, match="No space left") as error, atomic_write(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(path)
    with pytest.raises(FileNotFoundError) as missing, atomic_write(path):
        (tmp_path / "another").read_bytes()
    assert missing.value.filename == str(tmp_path / "another")


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError) as error:
        write(tmp_path / "file")
    assert error.value.filename == str(tmp_path / "file")
