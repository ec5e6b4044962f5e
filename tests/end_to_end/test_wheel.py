"""The wheel alone, without a checkout, has everything that a sweep on the shipped data set needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.app.specs import shipped_spaces
from tests.conftest import ROOT
from tests.support.cli_runner import sweeper

SMALL = ("--set", "compare.encoder=[rnn]", "--set", "budget.trials=3", "--set", "confirm.seeds=1")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed, without what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder / "site", wheel], check=True)
    return folder / "site"


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.mlflow
def test_the_wheel_lists_the_shipped_spaces_and_runs_the_quickstart(site: Path, tmp_path: Path) -> None:
    assert (site / "sweeper" / "py.typed").exists()
    environment = {"PYTHONPATH": str(site)}
    listed = sweeper("check", cwd=tmp_path, extra=environment)
    assert [line.partition(":")[0] for line in listed.stdout.splitlines()] == sorted(shipped_spaces())
    done = sweeper("run", "quickstart", *SMALL, cwd=tmp_path, extra=environment)
    assert done.returncode == 0, done.stderr
    assert "best per system by validation/accuracy" in done.stdout
