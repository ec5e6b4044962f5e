"""`sweeper new` says in one line what it cannot read of the files and folders that are named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.app.new_inputs import find_input
from sweeper.errors import UsageError
from tests.support.unprivileged import unprivileged


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder of data, by a relative path; another user cannot walk through the folders above it."""
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    for split in ("train", "test"):
        Path("data", f"{split}.csv").write_text("text,label\n", encoding="utf-8")
    yield Path("data")
    Path("data").chmod(0o755)


def test_a_folder_that_cannot_be_listed_is_one_line(data: Path) -> None:
    data.chmod(0o311)
    with unprivileged(), pytest.raises(UsageError) as caught:
        find_input([data], hub=None)
    assert str(caught.value) == "data: cannot be read: Permission denied; correct that, or name another"


def test_a_file_in_a_closed_folder_is_one_line(data: Path) -> None:
    data.chmod(0o600)
    with unprivileged(), pytest.raises(UsageError, match=r"^data/train\.csv: .*; .*name "):
        find_input([data / "train.csv"], hub=None)


def test_a_file_beside_others_that_cannot_be_listed_has_no_neighbours(data: Path) -> None:
    found = find_input([data / "train.csv"], hub=None)
    assert found.neighbours == [data / "test.csv"]
    data.chmod(0o311)
    with unprivileged():
        assert found.neighbours == []
