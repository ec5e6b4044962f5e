"""The journal survives what a crash can do to a file, and says so where it was altered."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import RecordError, StorageError, SweepLockedError
from sweeper.record.journal import Journal
from tests.support.crash_helpers import limited_file_size

RECORDS: list[dict[str, Any]] = [
    {"op_code": 4, "study_id": 0},
    {"op_code": 5, "name": "größe", "value": 0.1},
    {"op_code": 6, "state": 1},
]


def written(path: Path) -> bytes:
    journal = Journal(path)
    journal.append_logs(RECORDS)
    journal.close()
    return path.read_bytes()


def read(path: Path) -> list[dict[str, Any]]:
    journal = Journal(path)
    records = list(journal.read_logs(0))
    journal.close()
    return records


def test_records_come_back_in_order_and_from_a_number_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path)
    journal = Journal(path)
    assert list(journal.read_logs(0)) == RECORDS
    assert list(journal.read_logs(2)) == RECORDS[2:]
    journal.append_logs([{"more": True}])
    assert list(journal.read_logs(3)) == [{"more": True}]
    journal.close()


def test_cut_at_every_byte_it_keeps_the_whole_records_and_takes_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = written(path)
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        journal = Journal(path)
        whole = max(data[:cut].count(b"\n") - 1, 0)  # without the header
        assert list(journal.read_logs(0)) == RECORDS[:whole]
        assert journal.truncated_bytes == cut - len(
            b"".join(data[:cut].splitlines(keepends=True)[: data[:cut].count(b"\n")])
        )
        journal.append_logs([{"after": cut}])
        journal.close()
        assert read(path) == [*RECORDS[:whole], {"after": cut}]


@pytest.mark.parametrize("tail", [b"\0" * 64, b"\xff\xfe garbage", b"3 deadbeef {}\n", b"\n\n"])
def test_a_tail_of_rubbish_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "journal"
    data = written(path)
    path.write_bytes(data + tail)
    assert read(path) == RECORDS
    assert path.read_bytes() == data


def _altered(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b"0.1", b"0.2"), lines[3]]


def _without(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3]]


def _swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3], lines[2]]


def _doubled(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[1], *lines[2:]]


def _rubbish(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], b"\0\0\0\n", lines[3]]


@pytest.mark.parametrize("damage", [_altered, _rubbish, _without, _swapped, _doubled])
def test_damage_before_the_last_record_is_named_by_line(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "journal"
    lines = written(path).splitlines(keepends=True)
    path.write_bytes(b"".join(damage(lines)))
    with pytest.raises(RecordError, match=rf"{path}:3: .*damaged or missing"):
        Journal(path)
    path.write_bytes(b"".join(lines))
    assert read(path) == RECORDS  # the lock was let go


def test_a_second_driver_is_kept_out_until_the_first_is_gone(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal")
    for _ in range(2):  # trying does not forget who it is
        with pytest.raises(SweepLockedError) as caught:
            Journal(tmp_path / "journal")
        assert f"another sweeper drives this sweep, process {os.getpid()} on {socket.gethostname()}" in str(
            caught.value
        )
    assert caught.value.exit_code == 2
    first.close()
    Journal(tmp_path / "journal").close()


@pytest.mark.parametrize("other", [1, 3])
def test_another_format_is_refused_in_one_line_with_the_remedy(tmp_path: Path, other: int) -> None:
    path = tmp_path / "journal"
    data = written(path)
    path.write_bytes(data.replace(b"sweeper record 2", f"sweeper record {other}".encode()))
    with pytest.raises(RecordError) as caught:
        Journal(path)
    assert str(caught.value) == (
        f"{path}: this record has format {other}, and this version of sweeper reads format 2; "
        "continue with the version that wrote it, or start again with --fresh"
    )
    assert path.read_bytes() == data.replace(b"sweeper record 2", f"sweeper record {other}".encode())


@pytest.mark.parametrize("header", [b"sweeper recird 1\n", b"\n", b"0 1234 {}\n"])
def test_a_damaged_header_is_line_1(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "journal"
    data = written(path)
    path.write_bytes(header + data.partition(b"\n")[2])
    with pytest.raises(RecordError, match=f"{path}:1: "):
        Journal(path)


@pytest.mark.parametrize("room", [0, 1, 40])
def test_a_full_disk_leaves_the_record_whole_and_it_goes_on_when_there_is_space(tmp_path: Path, room: int) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append_logs(RECORDS[:1])
    before = (tmp_path / "journal").read_bytes()
    with (
        limited_file_size(len(before) + room),
        pytest.raises(StorageError, match=r"journal: cannot be written .*to continue"),
    ):
        journal.append_logs(RECORDS[1:])
    assert (tmp_path / "journal").read_bytes() == before
    assert list(journal.read_logs(0)) == RECORDS[:1]
    journal.append_logs(RECORDS[1:])
    journal.close()
    assert read(tmp_path / "journal") == RECORDS


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"file/journal: cannot be written \(.*\); fix that"):
        Journal(tmp_path / "file" / "journal")


def test_no_room_for_the_first_line_lets_go_of_the_lock(tmp_path: Path) -> None:
    with limited_file_size(0), pytest.raises(StorageError):
        Journal(tmp_path / "journal")
    assert read(tmp_path / "journal") == []
