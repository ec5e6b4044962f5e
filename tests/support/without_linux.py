"""Runs the `sweeper` command as on a system that lacks what only Linux has: `python without_linux.py run FILE …`.

The names are removed from Python's modules before anything is imported, and sweeper's own code finds no file below
/proc, /sys and /dev/shm, except in the working folder. Libraries keep theirs: they have their own ways on macOS.
"""

import contextlib
import os
import signal
import socket
import sys
from types import FrameType

NAMES = {
    os: (
        "fdatasync", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "posix_fadvise", "posix_fallocate",
        "memfd_create", "eventfd", "pidfd_open", "splice", "copy_file_range", "sendfile", "setresuid", "O_DIRECT",
        "O_TMPFILE", "getrandom",
    ),
    signal: ("pidfd_send_signal", "sigwaitinfo", "sigtimedwait"),
    socket: ("SO_PEERCRED", "SOCK_CLOEXEC", "SOCK_NONBLOCK"),
}  # fmt: skip
FOLDERS = ("/proc", "/sys", "/dev/shm")
_PACKAGE = f"{os.sep}sweeper{os.sep}"
_WORKING_FOLDER = os.getcwd()  # noqa: PTH109
_NEAREST = 4  # frames: pathlib opens files for its callers


def remove_linux_names() -> None:
    """Remove the names, and hide the folders from sweeper's own code."""
    for module, names in NAMES.items():
        for name in names:
            with contextlib.suppress(AttributeError):
                delattr(module, name)
    sys.addaudithook(_hide_folders)


def _hide_folders(event: str, arguments: tuple[object, ...]) -> None:
    path = arguments[0] if event == "open" and arguments else None
    if not isinstance(path, str) or not path.startswith(FOLDERS) or path.startswith(_WORKING_FOLDER):
        return
    if _is_for_sweeper(sys._getframe(1)):
        raise FileNotFoundError(2, "No such file or directory", path)


def _is_for_sweeper(frame: FrameType | None) -> bool:
    for _ in range(_NEAREST):
        if frame is None:
            return False
        if _PACKAGE in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


if __name__ == "__main__":
    remove_linux_names()
    from sweeper.cli import main

    main()
