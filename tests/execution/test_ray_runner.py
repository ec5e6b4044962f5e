"""The folder, the lock and the environment that a runner on Ray has, without Ray: it gives all of them back."""

import os
from pathlib import Path

import pytest
import ray
from filelock import FileLock, Timeout

from sweeper.errors import UsageError
from sweeper.execution.ray_runner import RayRunner


class UnstartedRunner(RayRunner):
    """A runner that sets the variable which Ray sets, and does not start it."""

    def _start_ray(self) -> None:
        os.environ["PYTHONBREAKPOINT"] = "ray.util.rpdb.set_trace"


class UnreachableRunner(RayRunner):
    """A runner whose cluster cannot be joined."""

    def _start_ray(self) -> None:
        raise UsageError("RAY_ADDRESS=head:6379: nothing answers there")


def is_locked(folder: Path) -> bool:
    """Return True if the lock of a driver's folder is held."""
    try:
        with FileLock(folder / "driver.lock", timeout=0):
            return False
    except Timeout:
        return True


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("PYTHONBREAKPOINT", "pdb.set_trace")


def test_a_runner_that_is_never_entered_takes_nothing(tmp_path: Path) -> None:
    RayRunner(tmp_path)
    assert names(tmp_path) == []


def test_a_runner_has_a_locked_folder_while_it_is_entered(tmp_path: Path) -> None:
    with UnstartedRunner(tmp_path) as runner:
        assert names(tmp_path) == [runner.folder.name]
        assert is_locked(runner.folder)
    assert names(tmp_path) == []
    assert os.environ["PYTHONBREAKPOINT"] == "pdb.set_trace"


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_everything_is_released_if_the_end_of_ray_raises(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error("while Ray ends")

    monkeypatch.setattr(ray, "shutdown", fail)
    (tmp_path / "kept").touch()
    with pytest.raises(error, match="while Ray ends"), UnstartedRunner(tmp_path) as runner:
        runner.start.wait()
    assert names(tmp_path) == ["kept"]
    assert os.environ["PYTHONBREAKPOINT"] == "pdb.set_trace"


def test_everything_is_released_if_the_cluster_cannot_be_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    with pytest.raises(UsageError, match="nothing answers there"), UnreachableRunner(tmp_path):
        pass
    assert names(tmp_path) == []


def test_folders_of_killed_drivers_are_removed_and_those_of_living_drivers_stay(tmp_path: Path) -> None:
    for name in ("sweeper-dead", "sweeper-alive", "other-dead"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "driver.lock").touch()
    with FileLock(tmp_path / "sweeper-alive" / "driver.lock"), UnstartedRunner(tmp_path) as runner:
        assert names(tmp_path) == sorted(["other-dead", "sweeper-alive", runner.folder.name])
