"""The log of a command, to which the file descriptors 1 and 2 lead, so that it has all that libraries print."""

import logging
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path


class CommandLog:
    """The log of a command: a temporary file until the command has a folder for it.

    With `keeps_descriptors`, it has only what goes through Python's logging.
    """

    def __init__(self, *, keeps_descriptors: bool) -> None:
        self.keeps_descriptors = keeps_descriptors
        self.path: Path | None = None
        self._is_temporary = False

    def start(self, folder: Path | None = None) -> None:
        """Begin a temporary log in `folder`; without one, in a folder among the machine's temporary files."""
        folder = Path(tempfile.mkdtemp(prefix="sweeper-log-")) if folder is None else folder
        self._redirect(folder / f".starting-{os.getpid()}.log")
        self._is_temporary = True

    def move(self, folder: Path) -> None:
        """Keep the log in `folder` from now on, in a file of its own for each start."""
        path = folder / time.strftime("%Y-%m-%dT%H-%M-%S.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._is_temporary and self.path is not None:
            self.path.rename(path)
            self.path, self._is_temporary = path, False
        else:
            self._redirect(path)

    def keep(self) -> Path | None:
        """Keep the log, also a temporary one, and return it; None if there is none or nothing is in it."""
        if self.path is None or not (self.path.exists() and self.path.stat().st_size):
            return None
        self._is_temporary = False
        return self.path

    def remove_temporary(self) -> None:
        """Remove a log that never got its place."""
        if self._is_temporary and self.path is not None:
            self.path.unlink(missing_ok=True)
            with suppress(OSError):
                self.path.parent.rmdir()
            self.path = None

    def _redirect(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        logging.basicConfig(handlers=[logging.FileHandler(path, encoding="utf-8")], force=True)
        if self.keeps_descriptors:
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
