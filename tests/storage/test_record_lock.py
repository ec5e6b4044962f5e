"""The note beside a record names the process that drives its sweep."""

import os
from pathlib import Path

import pytest

from sweeper.storage.record_lock import describe_holder, holder_path, write_holder


def test_the_driver_of_a_sweep_is_named(tmp_path: Path) -> None:
    write_holder(tmp_path / "record.journal")
    assert describe_holder(tmp_path / "record.journal").startswith(f"process {os.getpid()} on ")


@pytest.mark.parametrize("note", [None, "", "{", "{}", "7", "null", "[1]", '"text"', "\udcff"])
def test_of_a_note_that_is_gone_or_damaged_the_driver_is_unknown(note: str | None, tmp_path: Path) -> None:
    journal = tmp_path / "record.journal"
    if note is not None:
        holder_path(journal).write_bytes(note.encode(errors="surrogateescape"))
    assert describe_holder(journal) == ""
