"""The journal survives everything that a crash can do to a file, and reports a file that was altered."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import RecordError, StorageError, SweepLockedError
from sweeper.record.journal import Journal
from sweeper.record.journal_snapshot import JournalSnapshot
from sweeper.storage.record_lock import describe_holder
from tests.support.crash_helpers import limited_file_size

ENTRIES: list[dict[str, Any]] = [
    {"op_code": 4, "study_id": 0},
    {"op_code": 5, "name": "größe", "value": 0.1},
    {"op_code": 6, "state": 1},
]


def write_entries(path: Path) -> bytes:
    journal = Journal(path)
    journal.append_logs(ENTRIES)
    journal.close()
    return path.read_bytes()


def read_entries(path: Path) -> list[dict[str, Any]]:
    journal = Journal(path)
    records = list(journal.read_logs(0))
    journal.close()
    return records


def test_entries_are_read_in_order_and_from_a_number_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write_entries(path)
    journal = Journal(path)
    assert list(journal.read_logs(0)) == ENTRIES
    assert list(journal.read_logs(2)) == ENTRIES[2:]
    journal.append_logs([{"more": True}])
    assert list(journal.read_logs(3)) == [{"more": True}]
    journal.close()


def test_a_file_cut_at_any_byte_keeps_its_intact_entries_and_takes_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = write_entries(path)
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        snapshot = JournalSnapshot(path)
        assert path.read_bytes() == data[:cut]
        journal = Journal(path)
        intact = max(data[:cut].count(b"\n") - 1, 0)  # without the header
        assert list(journal.read_logs(0)) == ENTRIES[:intact]
        assert journal.truncated_bytes == cut - len(
            b"".join(data[:cut].splitlines(keepends=True)[: data[:cut].count(b"\n")])
        )
        assert list(snapshot.read_logs(0)) == ENTRIES[:intact]
        assert snapshot.truncated_bytes == journal.truncated_bytes
        journal.append_logs([{"after": cut}])
        journal.close()
        assert read_entries(path) == [*ENTRIES[:intact], {"after": cut}]


@pytest.mark.parametrize("tail", [b"\0" * 64, b"\xff\xfe garbage", b"3 deadbeef {}\n", b"\n\n"])
def test_garbage_at_the_end_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "journal"
    data = write_entries(path)
    path.write_bytes(data + tail)
    assert read_entries(path) == ENTRIES
    assert path.read_bytes() == data


def _altered(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b"0.1", b"0.2"), lines[3]]


def _without(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3]]


def _swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3], lines[2]]


def _with_duplicate(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[1], *lines[2:]]


def _with_garbage(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], b"\0\0\0\n", lines[3]]


@pytest.mark.parametrize("damage", [_altered, _with_garbage, _without, _swapped, _with_duplicate])
def test_damage_before_the_last_entry_is_reported_with_its_line(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "journal"
    lines = write_entries(path).splitlines(keepends=True)
    path.write_bytes(b"".join(damage(lines)))
    with pytest.raises(RecordError, match=rf"{path}:3: .*damaged or missing"):
        Journal(path)
    path.write_bytes(b"".join(lines))
    assert read_entries(path) == ENTRIES  # the lock was released


def test_a_second_driver_is_refused_until_the_first_has_closed_the_journal(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal")
    for _ in range(2):  # a refused attempt does not forget the holder
        with pytest.raises(SweepLockedError) as caught:
            Journal(tmp_path / "journal")
        assert f"another sweeper drives this sweep, process {os.getpid()} on {socket.gethostname()}" in str(
            caught.value
        )
    assert caught.value.exit_code == 2
    first.close()
    Journal(tmp_path / "journal").close()


def test_the_driver_names_itself_before_it_reads_the_record(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"no record\n")
    with pytest.raises(RecordError):
        Journal(path)
    assert f"process {os.getpid()} " in describe_holder(path)


@pytest.mark.parametrize("other", [1, 3])
def test_another_format_is_refused_in_one_line_with_the_remedy(tmp_path: Path, other: int) -> None:
    path = tmp_path / "journal"
    data = write_entries(path)
    path.write_bytes(data.replace(b"sweeper record 2", f"sweeper record {other}".encode()))
    with pytest.raises(RecordError) as caught:
        Journal(path)
    assert str(caught.value) == (
        f"{path}: this record has format {other}, and this version of sweeper reads format 2; "
        "continue with the version that wrote it, or start again with --fresh"
    )
    assert path.read_bytes() == data.replace(b"sweeper record 2", f"sweeper record {other}".encode())


@pytest.mark.parametrize("header", [b"sweeper recird 1\n", b"\n", b"0 1234 {}\n"])
def test_a_damaged_header_is_reported_as_line_1(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "journal"
    data = write_entries(path)
    path.write_bytes(header + data.partition(b"\n")[2])
    with pytest.raises(RecordError, match=f"{path}:1: "):
        Journal(path)


@pytest.mark.parametrize("room", [0, 1, 40])
def test_a_full_disk_leaves_the_journal_intact_and_it_continues_when_there_is_space(tmp_path: Path, room: int) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append_logs(ENTRIES[:1])
    before = (tmp_path / "journal").read_bytes()
    with (
        limited_file_size(len(before) + room),
        pytest.raises(StorageError, match=r"journal: cannot be written .*to continue"),
    ):
        journal.append_logs(ENTRIES[1:])
    assert (tmp_path / "journal").read_bytes() == before
    assert list(journal.read_logs(0)) == ENTRIES[:1]
    journal.append_logs(ENTRIES[1:])
    journal.close()
    assert read_entries(tmp_path / "journal") == ENTRIES


def test_a_folder_that_cannot_be_written_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"file/journal: cannot be written \(.*\); fix that"):
        Journal(tmp_path / "file" / "journal")


def test_a_disk_without_room_for_the_first_line_releases_the_lock(tmp_path: Path) -> None:
    with limited_file_size(0), pytest.raises(StorageError):
        Journal(tmp_path / "journal")
    assert read_entries(tmp_path / "journal") == []
