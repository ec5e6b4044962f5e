"""The output of a running command: the protocol that app/ sees, and a plain implementation for the Python API."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sweeper.terminal.line_view import LineView
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.trials.interfaces import ProgressView
from sweeper.wording import show_controls

_log = logging.getLogger("sweeper")


class Output(Protocol):
    """The place to which a command reports what it does: a terminal, a notebook or a script."""

    @property
    def log(self) -> Path | None:
        """The file that has what libraries print; None while there is none."""

    @property
    def is_read(self) -> bool:
        """False once nobody reads any more: the terminal, or the reader of a pipe, is gone."""

    def line(self, text: str = "", style: str | None = None, *, tail: str = "") -> None:
        """Show one line, and after it as much of `tail` as fits the width of a terminal."""

    def error(self, text: str) -> None:
        """Show lines about an error, also where only results are shown."""

    def step(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show that something takes a while; the function that it gives reports progress."""

    def capture_libraries(self, folder: Path | None = None) -> None:
        """Send what libraries print to a log in this folder or in a temporary one, until `set_log_dir` moves it."""

    def set_log_dir(self, folder: Path) -> None:
        """Keep the log in this folder from now on."""

    def make_view(self, sweep: WatchedSweep) -> ProgressView:
        """Return the view of a sweep that runs."""


class PlainOutput:
    """Prints plain lines, or with `progress=False` sends them to the logger `sweeper`. Libraries print as they like."""

    def __init__(self, *, progress: bool = True) -> None:
        self.progress = progress
        self.log: Path | None = None
        self.is_read = True

    def line(self, text: str = "", style: str | None = None, *, tail: str = "") -> None:
        """Print one line with its tail, with control characters as escapes."""
        text = show_controls(f"{text}{tail}".rstrip(), keep="\n\t")
        if self.progress:
            print(text, flush=True)
        else:
            _log.info("%s", text)

    def error(self, text: str) -> None:
        """Print lines about an error on stderr, with control characters as escapes."""
        text = show_controls(text, keep="\n\t")
        if self.progress:
            print(text, file=sys.stderr, flush=True)
        else:
            _log.error("%s", text)

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        """Print what is about to be done."""
        self.line(f"{text} …")
        yield lambda _: None

    def capture_libraries(self, folder: Path | None = None) -> None:
        """Do nothing: in a program of the user's, its output belongs to the user."""

    def set_log_dir(self, folder: Path) -> None:
        """Do nothing: there is no log."""

    def make_view(self, sweep: WatchedSweep) -> ProgressView:
        """Return a view that prints a line for each trial that ends."""
        remaining_time = sweep.make_remaining_time()
        return LineView(self, sweep.spec, sweep.known_records, start=sweep.start, remaining_time=remaining_time)
