"""The standard streams of a process that was started without some of them, as in `sweeper run FILE >&-`."""

import os
import sys


def open_closed_streams() -> None:
    """Let descriptors 0 to 2 lead to the null device where they are closed, and sys.stdout and sys.stderr too.

    Call it first of all: a file that is opened later would get the number of a closed descriptor, and what is printed
    would end up in it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
            os.set_inheritable(descriptor, True)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
