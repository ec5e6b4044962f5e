"""All errors that sweeper raises on purpose.

A message names the place, the value, the rule and the remedy, in one line. The command prints only the message, without
a traceback, and returns the error's `exit_code`.

    SweeperError                 the sweep could not finish                      exit 1
    ├── UsageError               the user's input is wrong                       exit 2
    │   ├── SearchSpaceError     one or more mistakes in a YAML file
    │   ├── UnavailableError     a data set or an encoder cannot be loaded
    │   └── SweepLockedError     another process drives this sweep
    ├── SweepFailedError         nothing in the sweep succeeded           exit 1
    ├── RecordError              the record of a sweep is damaged
    ├── StorageError             a file that must be kept cannot be written      exit 1 or 2
    ├── CheckpointError          a checkpoint cannot be read, or does not fit
    └── TrialError               a trial ends with an outcome of its own
        ├── DivergedError        the training loss is not finite
        └── OutOfMemoryError     the device has no memory left
    SweepInterrupted             the command is interrupted or terminated        exit 130 or 143
"""

import errno
from collections.abc import Sequence

_UNWRITABLE_ERRNOS = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)
_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
STORAGE_ERRNOS = frozenset((*_UNWRITABLE_ERRNOS, *_FULL_ERRNOS))  # errors of a disk that cannot store a file
# Those of them that a reader gets too:
_READING_ERRNOS = (errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EIO)


class SweeperError(Exception):
    """The base class of all errors that sweeper raises on purpose."""

    exit_code = 1


class UsageError(SweeperError):
    """The user's input is wrong. Nothing was started."""

    exit_code = 2


class SearchSpaceError(UsageError):
    """A search space has mistakes. There is one line for each: `FILE:LINE: key: rule, value, allowed values`."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


class UnavailableError(UsageError):
    """A data set or an encoder cannot be loaded: no connection, no such name, or unexpected content."""


class SweepFailedError(SweeperError):
    """Nothing in the sweep succeeded, or its first trials all failed alike. The same command tries again.

    What it did is in its record; it is not finished, and has no results.json.
    """


class RecordError(SweeperError):
    """The record of a sweep is damaged. The message names file and line."""


class StorageError(SweeperError):
    """A file that must be kept cannot be written: the disk is full, read-only or gone. Earlier files are intact.

    The exit code is 2 for a folder that cannot be written (the user can name another) and 1 for a full disk. With
    `may_be_reading`, it is not known whether the file was being written, and the message does not claim it.
    """

    def __init__(self, path: object, error: OSError, *, may_be_reading: bool = False) -> None:
        reason = error.strerror or str(error)
        action = "read or written" if may_be_reading and error.errno in _READING_ERRNOS else "written"
        super().__init__(f"{path}: cannot be {action} ({reason}); fix that and run the same command again to continue")
        self.exit_code = 2 if error.errno in _UNWRITABLE_ERRNOS else 1


class CheckpointError(SweeperError):
    """A checkpoint cannot be read, or does not fit the training: an older version of sweeper has written it.

    The training can start from an earlier checkpoint, or from the beginning.
    """


class SweepLockedError(UsageError):
    """Another process drives this sweep now."""


class TrialError(SweeperError):
    """A trial ends with an outcome of its own. The sweep continues."""


class SweepInterrupted(KeyboardInterrupt):
    """The user or the operating system stops the command. Running trials are interrupted.

    The same command continues them, and so does the same call of `sweeper.run`. It is a KeyboardInterrupt and no
    SweeperError, so that `except Exception` does not swallow a Ctrl-C.
    """

    def __init__(self, exit_code: int = 130, sweep: str = "the sweep") -> None:
        super().__init__(f"{sweep} was stopped; calling sweeper.run again continues it")
        self.exit_code = exit_code


class DivergedError(TrialError):
    """The training loss is not a finite number."""


class OutOfMemoryError(TrialError):
    """The device has no memory left for this trial."""
