"""Each check of the machine has its limit, its fact and its remedy."""

import os
import shutil
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from sweeper.app import machine_checks, service_checks
from sweeper.app.check_result import CheckResult, Health

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Let every disk have so many free bytes, which a test sets."""
    room = {"bytes": 0.0}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, int(room["bytes"])))
    return room


@pytest.mark.parametrize(("gigabytes", "health"), [(4.9, Health.FAIL), (5.1, Health.OK)])
def test_the_disk_of_the_sweeps_has_room_for_checkpoints(
    gigabytes: float, health: Health, free: dict[str, float], tmp_path: Path
) -> None:
    free["bytes"] = gigabytes * 1e9
    remedy = "free some space, or name another folder with --sweeps" if health == Health.FAIL else ""
    fact = f"{gigabytes} GB free for {tmp_path / 'sweeps'}"
    assert machine_checks.check_disk(tmp_path / "sweeps") == CheckResult(health, fact, remedy)


@pytest.mark.parametrize(("gigabytes", "health"), [(0.9, Health.FAIL), (1.1, Health.OK)])
def test_rays_temporary_files_have_room(
    gigabytes: float, health: Health, free: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free["bytes"] = gigabytes * 1e9
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    result = machine_checks.check_temporary_files(tmp_path)
    assert (result.health, result.fact) == (health, f"{gigabytes} GB free in /tmp")
    assert ("set RAY_TMPDIR to a short path on another disk" in result.remedy) == (health == Health.FAIL)


def test_a_path_that_ray_cannot_use_is_named_beside_the_one_that_it_uses(
    free: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free["bytes"] = 9e9
    monkeypatch.setenv("RAY_TMPDIR", "/" + 50 * "x")
    result = machine_checks.check_temporary_files(tmp_path)
    assert result.fact.startswith("9.0 GB free in /tmp; RAY_TMPDIR=/xxx")
    assert result.health == Health.OK


@pytest.mark.skipif(not Path("/dev/shm").exists(), reason="no shared memory")
@pytest.mark.parametrize(("gigabytes", "health"), [(1.9, Health.NOTE), (2.1, Health.OK)])
def test_little_shared_memory_is_a_note(
    gigabytes: float, health: Health, free: dict[str, float], tmp_path: Path
) -> None:
    free["bytes"] = gigabytes * 1e9
    result = machine_checks.check_shared_memory(tmp_path)
    assert (result.health, result.fact) == (health, f"{gigabytes} GB free in /dev/shm")
    assert ("--shm-size=8g" in result.remedy) == (health == Health.NOTE)


@pytest.mark.parametrize(
    ("seconds", "health"), [(0, Health.OK), (50, Health.OK), (70, Health.FAIL), (-70, Health.FAIL)]
)
def test_a_clock_that_differs_from_the_disks_is_told_by_how_much(
    seconds: float, health: Health, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tempfile.NamedTemporaryFile  # whose time is that of the disk

    def written(**options: object) -> object:
        made = file(**options)  # type: ignore[call-overload]
        os.utime(made.name, (time.time() + seconds,) * 2)
        return made

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", written)
    result = machine_checks.check_clock(tmp_path)
    assert result.health == health
    assert (f", the disk's is {seconds:+} s off" in result.fact) == (seconds != 0)
    assert ("timedatectl set-ntp true" in result.remedy) == (health == Health.FAIL)


def test_a_clock_that_was_never_set_fails_also_if_the_disk_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)  # 2001
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", lambda **_: (_ for _ in ()).throw(PermissionError()))
    assert machine_checks.check_clock(tmp_path).health == Health.FAIL


def test_python_has_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_checks.check_python(tmp_path).health == Health.OK
    with monkeypatch.context() as older:
        older.setattr(sys, "version_info", (3, 10, 9))
        result = machine_checks.check_python(tmp_path)
    assert (result.health, result.remedy) == (Health.FAIL, "install Python 3.11 or later")


@pytest.mark.parametrize(("cuda", "has_driver", "health"), [
    ("13.0", True, Health.FAIL), ("13.0", False, Health.OK), (None, True, Health.OK),
])  # fmt: skip
def test_a_gpu_that_torch_does_not_find_beside_its_driver_fails(
    cuda: str | None, has_driver: bool, health: Health, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if torch.cuda.is_available() or Path("/proc/driver/nvidia").exists():
        pytest.skip("has a GPU")
    if has_driver:
        (tmp_path / "nvidia-smi").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(torch.version, "cuda", cuda)
    result = machine_checks.check_torch(tmp_path)
    assert result.health == health
    assert result.fact.startswith(f"torch {torch.__version__}, no GPU, ")
    assert ("unset CUDA_VISIBLE_DEVICES" in result.remedy) == (health == Health.FAIL)


# ---- services


@pytest.mark.parametrize(
    ("address", "fact"),
    [(None, ", on this machine alone"), ("auto", ", RAY_ADDRESS=auto"), ("head", ", RAY_ADDRESS=head")],
)
def test_without_an_address_to_try_ray_is_fine(
    address: str | None, fact: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if address is not None:
        monkeypatch.setenv("RAY_ADDRESS", address)
    result = service_checks.check_ray(tmp_path)
    assert result.health == Health.OK
    assert result.fact.endswith(fact)


def test_a_hub_that_is_switched_off_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "yes")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    result = service_checks.check_hub(tmp_path)
    assert result == CheckResult(Health.OK, "HF_HUB_OFFLINE is set: only what the cache has")


@pytest.mark.mlflow
def test_an_mlflow_that_is_away_hinders_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    result = service_checks.check_mlflow_store(tmp_path)
    assert result.health == Health.FAIL
    assert "127.0.0.1:9: " in result.fact
    assert "secret" not in result.fact
    assert result.remedy == "training starts all the same; sweeper sync sends the runs when it is back"
