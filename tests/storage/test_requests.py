"""Requests to a sweep's driver reach that driver only, and survive whatever else lies in their folder."""

from pathlib import Path

import pytest

from sweeper.storage.record_lock import holder_path, write_holder
from sweeper.storage.requests import Requests, StopRequest, make_request, requests_folder


class Clock:
    """A clock in seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A record that this process holds."""
    path = tmp_path / "record.journal"
    write_holder(path)
    return path


def test_the_driver_gets_each_request_once_and_its_file_is_gone_when_it_was_answered(journal: Path) -> None:
    requests = Requests(journal, Clock())
    assert list(requests()) == []
    whole, one = make_request(journal, StopRequest()), make_request(journal, StopRequest(12))
    make_request(journal, StopRequest(12))  # an impatient user
    answered = requests()
    assert next(answered) == StopRequest()
    assert whole.exists()
    assert list(answered) == [StopRequest(12)]
    assert not whole.exists()
    assert not one.exists()
    assert list(requests()) == []


def test_a_later_driver_throws_earlier_requests_away(journal: Path) -> None:
    path = make_request(journal, StopRequest())
    holder_path(journal).write_text('{"host": "here", "pid": 1, "since": "later"}')
    assert list(Requests(journal, Clock())()) == []
    assert not path.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"driver": 1}', '{"driver": "%s", "request": {"tral": 1}}', "\xff"]
)
def test_what_is_no_request_is_thrown_away(text: str, journal: Path) -> None:
    path = make_request(journal, StopRequest(3))
    path.write_text(text.replace("%s", holder_path(journal).read_text().replace('"', '\\"')), encoding="latin-1")
    (requests_folder(journal) / ".stop-3.json-half").write_text("written just now")
    assert list(Requests(journal, Clock())()) == []
    assert not path.exists()
    assert (requests_folder(journal) / ".stop-3.json-half").exists()


def test_the_folder_is_looked_at_twice_a_second_at_most(journal: Path) -> None:
    clock = Clock()
    requests = Requests(journal, clock)
    assert list(requests()) == []
    make_request(journal, StopRequest(1))
    clock.now -= 0.9
    assert list(requests()) == []
    assert list(requests()) == [StopRequest(1)]
