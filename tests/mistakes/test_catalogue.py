"""Every mistake is told as in the catalogue, word for word. `python -m tests.mistakes` rewrites the lines."""

from pathlib import Path

import pytest

from tests.mistakes.case import Mistake, load_catalogue


@pytest.mark.parametrize("mistake", list(load_catalogue()), ids=lambda mistake: f"{mistake.group}: {mistake.mistake}")
def test_a_mistake_is_told_as_in_the_catalogue(mistake: Mistake, tmp_path: Path) -> None:
    assert mistake.provoke(tmp_path) == (mistake.exit, mistake.says)


def test_no_mistake_is_hidden_by_a_missing_search_space() -> None:
    assert not [mistake for mistake in load_catalogue() if "space.yaml: no such file" in mistake.says]
