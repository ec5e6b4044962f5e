"""The lock of a sweep's record: the driver that holds it, found without taking the lock.

The kernel releases the lock when its process ends, however that ends. A note beside the record names the process.
"""

import fcntl
import json
import os
import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeper.atomic_write import atomic_write
from sweeper.errors import SweepLockedError


def lock_path(journal: Path) -> Path:
    """Return the path of the file that a driver locks."""
    return journal.with_name(f"{journal.name}.lock")


def holder_path(journal: Path) -> Path:
    """Return the path of the note that names the driver.

    It is not the lock's own file, because a second driver empties that one when it tries to lock it.
    """
    return journal.with_name(f"{journal.name}.holder")


def write_holder(journal: Path) -> None:
    """Note that this process holds the record."""
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    with atomic_write(holder_path(journal)) as file:  # whoever reads half a note would not know the driver
        file.write(json.dumps(holder).encode())


def describe_holder(journal: Path) -> str:
    """Return the process that held the record last in words: "process 12 on host since …"; "" if it is unknown."""
    try:
        holder = json.loads(holder_path(journal).read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # TypeError: JSON, but no object
        return ""


def is_locked(journal: Path) -> bool:
    """Return True if a process holds the record now.

    It asks for a shared lock, which the kernel refuses while a driver has its own, and gives it back at once.
    """
    try:
        descriptor = os.open(lock_path(journal), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False


def locked_error(journal: Path) -> SweepLockedError:
    """Return the error that names the driver of a sweep."""
    holder = describe_holder(journal)
    return SweepLockedError(
        f"{journal.parent}: another sweeper drives this sweep{f', {holder}' if holder else ''}; "
        f"wait for it, or end it: sweeper stop {shlex.quote(str(journal.parent))}"
    )


def require_unlocked(journal: Path) -> None:
    """Raise SweepLockedError if a process holds the record now."""
    if is_locked(journal):
        raise locked_error(journal)


@contextmanager
def hold_record(journal: Path) -> Iterator[None]:
    """Keep every driver out of a sweep, also where its record cannot be read. Raises SweepLockedError."""
    descriptor = os.open(lock_path(journal), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise locked_error(journal) from None
        yield
    finally:
        os.close(descriptor)
