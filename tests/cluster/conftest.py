"""A folder for stand-ins, in front of everything else on the path."""

from pathlib import Path

import pytest

from tests.cluster.stand_ins import program


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "sleep", "exit 0")
    return tmp_path / "bin"
