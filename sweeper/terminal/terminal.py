"""The terminal belongs to sweeper: what libraries print goes to a log file.

Raylets, workers and half a dozen libraries write to file descriptors 1 and 2, whatever Python says. So the terminal is
duplicated for our own lines, and the two descriptors lead to the log, before any of these libraries is imported.
"""

import io
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from sweeper.errors import SweepInterrupted
from sweeper.terminal.ascii_forms import ASCII_FORMS, terminal_encoding
from sweeper.terminal.command_log import CommandLog
from sweeper.terminal.last_words import LastWords
from sweeper.terminal.literal_console import LiteralConsole, literal_text
from sweeper.terminal.paced_lines import PacedLines
from sweeper.terminal.remote_view import EVENT, EventEmitter, make_view
from sweeper.terminal.terminal_file import TerminalFile
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.trials.interfaces import ProgressView

_LONGEST_LINE = 100_000  # columns, where a program reads
_SHORTEST_TAIL = 12  # columns


class Terminal:
    """The terminal of a command: it shows sweeper's lines, and all other output goes to a log.

    People read stdout. With `as_json`, stdout has the result only and people read stderr. With `debugger`, the
    descriptors stay as they are, and only what goes through Python's logging and warnings is kept off the terminal.
    With `quiet`, only tables and errors are shown. `relayed`: people watch from another machine (remote_view.py). With
    `as_events`, stdout has a JSON object for each event (events.py), and people read plain lines on stderr.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        debugger: bool = False,
        quiet: bool = False,
        relayed: bool = False,
        as_events: bool = False,
    ) -> None:
        self.as_json, self.debugger, self.quiet, self.relayed = as_json, debugger, quiet, relayed
        self.as_events, self.plain = as_events, debugger or as_events
        self.resume_hint = ""  # what an interrupted command leaves, and how it continues
        self.last_words = LastWords()
        self._out, self._err = os.dup(1), os.dup(2)
        people = self._err if as_json or as_events else self._out
        self._writers = [self._writer(people), self._writer(self._err), self._writer(self._out)]
        self.console = LiteralConsole(file=self._writers[0])
        self.errors = LiteralConsole(file=self._writers[1], soft_wrap=True)
        self._log = CommandLog(keeps_descriptors=debugger)
        self._interrupted = False
        logging.captureWarnings(True)  # those of libraries go to the log, or nowhere while there is none
        logging.getLogger("sweeper").addHandler(logging.NullHandler())  # and so do sweeper's own

    def _writer(self, descriptor: int) -> Any:
        raw = io.BufferedWriter(TerminalFile(os.dup(descriptor), "w"))
        encoding = terminal_encoding() if os.isatty(descriptor) else "utf-8"
        errors = ASCII_FORMS if encoding == "ascii" else "replace"
        return io.TextIOWrapper(raw, encoding=encoding, errors=errors, line_buffering=True)

    @property
    def is_live(self) -> bool:
        """True if people watch a terminal that can be redrawn."""
        return self.console.is_terminal and not self.console.is_dumb_terminal and not self.quiet and not self.plain

    @property
    def is_read(self) -> bool:
        """False once a line could not be written: the terminal, or the reader of a pipe, is gone."""
        return not any(writer.buffer.raw.has_failed for writer in self._writers)

    @property
    def width(self) -> int:
        """The width of the terminal in columns."""
        return self.console.width

    @property
    def table_width(self) -> int:
        """The columns for a whole table: those of the terminal, and any number where a program reads."""
        return self.width if self.console.is_terminal else _LONGEST_LINE

    def line(self, text: str = "", style: str | None = None, *, tail: str = "") -> None:
        """Print one line, and after it as much of `tail` as fits a terminal's width."""
        if self.quiet:
            return
        room = self.width - literal_text(text).cell_len
        if tail and self.console.is_terminal and room < _SHORTEST_TAIL:
            tail = ""
        line = f"{text}{tail}".rstrip()
        if tail and self.console.is_terminal:
            self.console.print(line, style=style, markup=False, no_wrap=True, overflow="ellipsis")
        else:
            self.console.print_lines(line, style)

    def table(self, table: Table, *, whole: bool = False) -> None:
        """Print a table, with `quiet` too. With `whole`, a program that reads it gets each row on one line."""
        if whole and not self.console.is_terminal:
            LiteralConsole(file=self._writers[0], width=_LONGEST_LINE).print(table)
        else:
            self.console.print(table)

    def text(self, text: str) -> None:
        """Print text that has its own line ends, wrapped at the terminal's width, with `quiet` too."""
        self.console.print(text, markup=False, end="")

    def error(self, text: str) -> None:
        """Print lines on stderr."""
        self.errors.print_lines(text)

    def write(self, text: str) -> None:
        """Write text as it is: no wrapping, no colours."""
        self.console.file.write(text)

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that something takes a while: a spinner on a terminal, a line elsewhere.

        Yields a function that shows progress, elsewhere in a line now and then; with `quiet`, that goes to stderr.
        """
        if not self.is_live:
            self.line(f"{text} …", style="dim")
            yield PacedLines(self.error if self.quiet else self.line, text)
            return
        spinner = Spinner("dots" if self.console.encoding.startswith("utf") else "line", literal_text(f"{text} …"))
        # By default rich prints to the console what libraries write to sys.stderr meanwhile.
        with Live(spinner, console=self.console, transient=True, redirect_stdout=False, redirect_stderr=False):
            yield lambda progress: spinner.update(text=literal_text(f"{text} … {progress}"))

    def result(self, values: dict[str, Any]) -> None:
        """Write the final result as JSON, where `--json` or `--events` asks for it or people watch from elsewhere."""
        if self.as_json:
            with suppress(BrokenPipeError):  # nobody reads any more
                os.write(self._out, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())
        elif self.as_events:
            self.write_event(json.dumps({"event": "results", "at": int(1000 * time.time()), "results": values}) + "\n")
        elif self.relayed:
            self.event({"result": values})

    def write_event(self, line: str) -> None:
        """Write the line of an event to stdout, for the program that reads it."""
        self._writers[2].write(line)

    def event(self, event: Mapping[str, Any]) -> None:
        """Write one event for whoever watches from elsewhere: an element of a JSON text sequence (RFC 7464)."""
        if not self.quiet:
            self.write(EVENT + json.dumps(event) + "\n")

    def make_view(self, sweep: WatchedSweep) -> ProgressView:
        """Return the view of a sweep: a live view, lines, or events for a terminal on another machine."""
        if self.relayed:
            return EventEmitter(self.event, sweep)
        return make_view(self, sweep)

    @property
    def log(self) -> Path | None:
        """The file that has what libraries print; None while there is none."""
        return self._log.path

    def capture_libraries(self, folder: Path | None = None) -> None:
        """Send what libraries print to a temporary log in `folder`, until `set_log_dir` moves it.

        Without a folder, the log gets one of its own among the machine's temporary files.
        """
        self._log.start(folder)

    def set_log_dir(self, folder: Path) -> None:
        """Keep the log in `folder` from now on, in a file of its own for each start."""
        self._log.move(folder)

    def keep_log(self) -> Path | None:
        """Keep the log, also a temporary one, and return it; None if there is none or nothing is in it."""
        return self._log.keep()

    def prepare_last_words(self) -> None:
        """Have the resume hint written where this process is ended at once, by the system or by Ray."""
        text = f"ended at once, by the system or by Ray; {self.resume_hint}"
        self.last_words.start(text, self._out, self._err, is_live=self.is_live)

    def interrupt(self, number: int, _: FrameType | None) -> None:
        """Handle a signal that ends the command: in order the first time, at once the second time.

        Raises SweepInterrupted the first time.
        """
        code = 128 + (signal.SIGTERM if number == signal.SIGHUP else number)
        if not self._interrupted:
            self._interrupted = True
            raise SweepInterrupted(code)
        if self.is_live:  # leave the alternate screen, if the live view is there, and show the cursor
            os.write(self._out, b"\x1b[?1049l\x1b[?25h" if self.console.is_alt_screen else b"\x1b[?25h")
        self.last_words.close()
        hint = f"; {self.resume_hint}" if self.resume_hint else ""
        os.write(self._err, os.fsencode(f"ended at once{hint}\n"))
        os._exit(code)

    def close(self) -> None:
        """Release the terminal."""
        self.last_words.close()
        logging.captureWarnings(False)
        for writer in self._writers:
            writer.close()
        os.close(self._out)
        os.close(self._err)

    def restore(self) -> None:
        """Give the file descriptors back. A log that never got its place is removed."""
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(self._out, 1)
        os.dup2(self._err, 2)
        self._log.remove_temporary()
