"""Every error that sweeper raises on purpose.

A message says place, value, rule and remedy, in one line. What reaches the user is the message alone;
`exit_code` is what the command then returns.

    SweeperError              the sweep could not finish            exit 1
    ├── UsageError            the user's input is wrong             exit 2
    │   ├── SearchSpaceError  one or more mistakes in a YAML file
    │   ├── UnavailableError  a data set or an encoder cannot be had
    │   └── BusyError         another process drives this sweep
    ├── RecordError           the journal of a sweep is damaged
    ├── StorageError          the disk does not take what must be kept
    ├── CheckpointError       a checkpoint cannot be read
    └── TrialError            a trial ends with an outcome of its own
        ├── DivergedError     its loss is not a finite number
        └── ExhaustedError    its device has no memory left
"""

import errno
from collections.abc import Sequence

_NOT_OURS = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
STORAGE_ERRNOS = frozenset((*_NOT_OURS, *_FULL))  # what a disk says that does not take what must be kept


class SweeperError(Exception):
    """The root of all errors that sweeper raises on purpose."""

    exit_code = 1


class UsageError(SweeperError):
    """The user's input is wrong; nothing was started."""

    exit_code = 2


class SearchSpaceError(UsageError):
    """A search space with mistakes: one line for each, `FILE:LINE: key: rule, value, what is allowed`."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


class UnavailableError(UsageError):
    """A data set or an encoder cannot be had: no hub, no such name, not the expected content."""


class RecordError(SweeperError):
    """The record of a sweep is damaged; the message names file and line."""


class StorageError(SweeperError):
    """The disk does not take what must be kept: full, read-only, gone. What was written before is intact.

    A folder that cannot be written is the user's to name otherwise (exit 2); a disk can fill up (exit 1).
    """

    def __init__(self, path: object, error: OSError) -> None:
        why = error.strerror or str(error)
        super().__init__(f"{path}: cannot be written ({why}); mend that, and the same command goes on where it stopped")
        self.exit_code = 2 if error.errno in _NOT_OURS else 1


class CheckpointError(SweeperError):
    """Why a checkpoint cannot be read; a training can begin with an earlier one, or from the start."""


class SweepLockedError(UsageError):
    """Another process drives this sweep now."""


class TrialError(SweeperError):
    """A trial that ends with an outcome of its own; the sweep goes on."""


class SweepInterrupted(KeyboardInterrupt):
    """The user or the system ends the command; what ran is cut off, and the same command goes on."""

    def __init__(self, exit_code: int = 130) -> None:
        super().__init__()
        self.exit_code = exit_code


class DivergedError(TrialError):
    """The training loss is not a finite number."""


class OutOfMemoryError(TrialError):
    """The device has no memory left for this trial."""
