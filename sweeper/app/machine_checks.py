"""Checks of this machine: Python, torch and its accelerator, memory, disks and clock. `_` is the sweeps' folder."""

import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

from sweeper.app.check_result import CheckResult, Health, judge
from sweeper.app.output_paths import require_sweeps_folder
from sweeper.storage.free_space import free_bytes

_SHARED_MEMORY = Path("/dev/shm")
_MIN_SHARED, _MIN_TEMPORARY, _MIN_DISK = 2e9, 1e9, 5e9  # bytes
_MAX_SKEW = 60.0  # seconds
_NOT_BEFORE = 1_767_225_600 - 365 * 86_400  # Unix time of January 2025


def check_python(_: Path) -> CheckResult:
    """Check Python's version."""
    fact = f"{platform.python_version()} in {sys.prefix}"
    return judge(fact, failed=sys.version_info < (3, 11), remedy="install Python 3.11 or later")


def check_torch(_: Path) -> CheckResult:
    """Check that torch finds the GPUs that it was built for."""
    from sweeper.training.accelerator import built_for_missing_gpu, describe_accelerator

    has_driver = Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None
    remedy = "nvidia-smi must list it; unset CUDA_VISIBLE_DEVICES, or update the driver to one for this torch's CUDA"
    return judge(describe_accelerator(), failed=built_for_missing_gpu() and has_driver, remedy=remedy)


def check_precision(_: Path) -> CheckResult:
    """Check whether the processor computes in bf16."""
    from sweeper.training.accelerator import automatic_precision

    precision = automatic_precision()
    fact = "native, precision: auto uses it" if precision == "bf16" else f"not native, precision: auto is {precision}"
    return CheckResult(Health.OK, fact)


def check_shared_memory(_: Path) -> CheckResult:
    """Check the room of shared memory, in which Ray keeps data and weights."""
    if not _SHARED_MEMORY.exists():
        return CheckResult(Health.OK, f"this system has no {_SHARED_MEMORY}; Ray uses temporary files")
    free = shutil.disk_usage(_SHARED_MEMORY).free
    fact = f"{free / 1e9:,.1f} GB free in {_SHARED_MEMORY}"
    remedy = "in a container start it with --shm-size=8g; Ray uses slower temporary files until then"
    return judge(fact, failed=free < _MIN_SHARED, remedy=remedy, worst=Health.NOTE)


def check_temporary_files(_: Path) -> CheckResult:
    """Check the folder of Ray's sockets, logs and spilled objects."""
    from sweeper.execution.ray_folder import ray_temporary

    folder, note = ray_temporary()
    with tempfile.TemporaryDirectory(dir=folder):
        free = free_bytes(folder)
    fact = f"{free / 1e9:,.1f} GB free in {folder}" + (f"; {note}" if note else "")
    return judge(
        fact, failed=free < _MIN_TEMPORARY, remedy="free some space, or set RAY_TMPDIR to a short path on another disk"
    )


def check_disk(sweeps: Path) -> CheckResult:
    """Check that the folder of the sweeps can be written, and has room for checkpoints."""
    require_sweeps_folder(sweeps)
    free = free_bytes(sweeps)
    fact = f"{free / 1e9:,.1f} GB free for {sweeps.absolute()}"
    return judge(fact, failed=free < _MIN_DISK, remedy="free some space, or name another folder with --sweeps")


def check_clock(sweeps: Path) -> CheckResult:
    """Check this machine's clock against that of the disk of the sweeps, which may be another machine's."""
    folder = next(path for path in (sweeps.absolute(), *sweeps.absolute().parents) if path.is_dir())
    try:
        with tempfile.NamedTemporaryFile(prefix=".sweeper-", dir=folder) as file:
            skew = Path(file.name).stat().st_mtime - time.time()
    except OSError:  # check_disk says so
        skew = 0.0
    fact = time.strftime("%Y-%m-%d %H:%M:%S %Z") + (f", the disk's is {skew:+,.0f} s off" if abs(skew) > 1 else "")
    failed = time.time() < _NOT_BEFORE or abs(skew) > _MAX_SKEW
    return judge(fact, failed=failed, remedy="set it, and keep it with NTP: timedatectl set-ntp true")
