"""A leading ~ is the home folder, and a user whom nobody knows is part of a name."""

from pathlib import Path

import pytest

from sweeper.home_folder import expand_home

UNKNOWN = "~no-such-user/model"


def test_a_leading_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand_home("~/model") == tmp_path / "model"
    assert expand_home(Path("a/~")) == Path("a/~")


def test_a_path_of_an_unknown_user_stays_as_it_is() -> None:
    assert expand_home(UNKNOWN) == Path(UNKNOWN)
