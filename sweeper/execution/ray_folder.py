"""The temporary folder in which Ray keeps its sockets and logs on this machine: RAY_TMPDIR, TMPDIR or /tmp."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sweeper.errors import UsageError

# A socket's path has at most 103 bytes on macOS and 107 on Linux. Below the folder, Ray's paths take 66 of them, as in
# /session_2026-11-28_16-14-36_584083_4194304/sockets/plasma_store, and our own folder 17.
_LONGEST = 103 - 66 - 17
_NEEDED_BYTES = 50_000_000  # Ray's logs and sockets, and what spills of its object store
_DEFAULT = Path("/tmp")


def ray_temporary(environment: Mapping[str, str] = os.environ) -> tuple[Path, str]:
    """Return the folder for temporary files of Ray, and a line for the user if a variable could not be honoured."""
    for variable in ("RAY_TMPDIR", "TMPDIR"):
        value = environment.get(variable)
        if not value:
            continue
        path = Path(value).absolute()
        if len(os.fsencode(path)) <= _LONGEST:
            return path, ""
        rule = f"is longer than {_LONGEST} bytes, too long for Ray's sockets"
        return _DEFAULT, f"{variable}={value} {rule}; Ray's temporary files are in {_DEFAULT}"
    return _DEFAULT, ""


def make_ray_folder(temporary: Path, needed: int = _NEEDED_BYTES) -> Path:
    """Make a folder for one Ray. Raises UsageError if `temporary` cannot be written, or has too few bytes free."""
    try:
        free = shutil.disk_usage(temporary).free
        if free < needed:
            sizes = f"has {free / 1e6:,.1f} MB free, and Ray needs {needed / 1e6:,.0f} MB there"
            raise UsageError(f"{temporary}: {sizes}; make room, or set RAY_TMPDIR to a short path on another disk")
        return Path(tempfile.mkdtemp(prefix="sweeper-", dir=temporary))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        rule = f"Ray's temporary files cannot be written ({reason})"
        raise UsageError(
            f"{temporary}: {rule}; make it writable, or set RAY_TMPDIR to a short path of a folder that is"
        ) from None
