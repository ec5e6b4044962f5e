"""Progress in plain lines, where nothing can be redrawn: in a pipe or a log."""

import time
from collections.abc import Callable

_INTERVAL = 30.0  # seconds


class PacedLines:
    """Writes a line about the progress of a step now and then: at most two a minute.

    `due` is the time of the clock from which the next line is written.
    """

    def __init__(self, write: Callable[[str], None], text: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`text` says what takes a while. The first line is due after the interval."""
        self._write, self._text, self._clock = write, text, clock
        self.due = clock() + _INTERVAL

    def __call__(self, progress: str) -> None:
        """Write the progress if a line is due."""
        now = self._clock()
        if now >= self.due:
            self.due = now + _INTERVAL
            self._write(f"{self._text} … {progress}")
