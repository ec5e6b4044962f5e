"""The screen belongs to sweeper: what the libraries print goes to a log file.

Raylets, workers and half a dozen libraries write to file descriptors 1 and 2 whatever Python says. So the terminal is
duplicated for our own lines, and the two descriptors lead to the log, before any of these libraries is imported.
"""

import io
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import typer
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner

from sweeper.errors import STORAGE_ERRNOS, StorageError, SweeperError, SweepInterrupted, UsageError

EVENT = "\x1e"  # what a line begins with that is an event


class Terminal:
    """Our lines on the terminal, everybody else's in a log.

    People read stdout; with `as_json` stdout has the result alone and people read stderr. With `debugger` the
    descriptors stay as they are, and only what goes through Python's logging and warnings is kept off the screen. With
    `quiet`, only tables and errors are shown. Where it is `relayed`, people watch from elsewhere (cli/relay.py).
    """

    def __init__(
        self, *, as_json: bool = False, debugger: bool = False, quiet: bool = False, relayed: bool = False
    ) -> None:
        self.as_json, self.debugger, self.quiet, self.relayed = as_json, debugger, quiet, relayed
        self.plain = debugger or "NO_COLOR" in os.environ
        self._out, self._err = os.dup(1), os.dup(2)
        self._writers = [self._writer(self._err if as_json else self._out), self._writer(self._err)]
        self.console = Console(file=self._writers[0], highlight=False)
        self.errors = Console(file=self._writers[1], highlight=False, soft_wrap=True)
        self.log: Path | None = None
        self._temporary = False
        self._interrupted = False

    def _writer(self, descriptor: int) -> Any:
        raw = io.BufferedWriter(_TerminalFile(os.dup(descriptor), "w"))
        return io.TextIOWrapper(raw, encoding="utf-8", errors="replace", line_buffering=True)

    @property
    def live(self) -> bool:
        """Whether people watch a terminal that can be redrawn."""
        return self.console.is_terminal and not self.console.is_dumb_terminal and not self.quiet and not self.plain

    def line(self, text: str = "", style: str | None = None, *, fit: bool = False) -> None:
        """One line, never wrapped: the terminal may. With `fit`, a terminal gets as much of it as has room."""
        cut = fit and self.console.is_terminal
        if not self.quiet:
            options: dict[str, Any] = {"no_wrap": True, "overflow": "ellipsis"} if cut else {"soft_wrap": True}
            self.console.print(text, style=style, markup=False, **options)

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        """Something that takes a while: a spinner on a terminal, a line elsewhere.

        Gives a function that says how far it is.
        """
        if not self.live:
            self.line(f"{text} …", style="dim")
            yield lambda _: None
            return
        spinner = Spinner("dots", f"{text} …")
        # Left to itself, rich hands to the console what libraries write to sys.stderr meanwhile.
        with Live(spinner, console=self.console, transient=True, redirect_stdout=False, redirect_stderr=False):
            yield lambda far: spinner.update(text=f"{text} … {far}")

    def result(self, values: dict[str, Any]) -> None:
        """The final result, as JSON on stdout, where it was asked for; whoever watches from elsewhere gets it too."""
        if self.as_json:
            os.write(self._out, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())
        elif self.relayed:
            self.event({"result": values})

    def event(self, event: Mapping[str, Any]) -> None:
        """One event for whoever watches from elsewhere: an element of a JSON text sequence (RFC 7464)."""
        self.line(EVENT + json.dumps(event, ensure_ascii=False))

    def capture_libraries(self, folder: Path) -> None:
        """Send what the libraries print to a log that does not have its place yet."""
        self._redirect(folder / f".starting-{os.getpid()}.log")
        self._temporary = True

    def set_log_dir(self, folder: Path) -> None:
        """Keep the log in this folder from now on, in a file of its own for each start."""
        path = folder / time.strftime("%Y-%m-%dT%H-%M-%S.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._temporary and self.log is not None:
            self.log.rename(path)
            self.log, self._temporary = path, False
        else:
            self._redirect(path)

    def _redirect(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.log = path
        if self.debugger:
            logging.captureWarnings(True)
            logging.basicConfig(handlers=[logging.FileHandler(path, encoding="utf-8")], force=True)
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)

    def interrupt(self, number: int, _: FrameType | None) -> None:
        """Handle a signal that ends the command: in order the first time, at once the second."""
        code = 128 + (signal.SIGTERM if number == signal.SIGHUP else number)
        if not self._interrupted:
            self._interrupted = True
            raise SweepInterrupted(code)
        if self.live:
            os.write(self._out, b"\x1b[?1049l\x1b[?25h")  # the screen that was there before, and its cursor
        os.write(self._err, b"ended at once; the same command goes on where it stopped\n")
        os._exit(code)

    def close(self) -> None:
        """Let go of the terminal."""
        for writer in self._writers:
            writer.close()
        os.close(self._out)
        os.close(self._err)

    def restore(self) -> None:
        """Give the descriptors back. A log that never got its place is removed."""
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(self._out, 1)
        os.dup2(self._err, 2)
        if self._temporary and self.log is not None:
            self.log.unlink(missing_ok=True)
            with suppress(OSError):
                self.log.parent.rmdir()
            self.log = None


@contextmanager
def cli_session(
    *, as_json: bool = False, debugger: bool = False, quiet: bool = False, relayed: bool = False, again: str = ""
) -> Iterator[Terminal]:
    """A command's frame: its screen, and its end as one line and an exit code.

    0 done; 1 it could not finish; 2 the input is wrong; 130 or 143 interrupted, with `again` saying how to go on.
    """
    screen = Terminal(as_json=as_json, debugger=debugger, quiet=quiet, relayed=relayed)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, screen.interrupt)
    try:
        yield screen
    except SweepInterrupted as interruption:
        _stop(screen, interruption.exit_code, again)
    except KeyboardInterrupt:
        _stop(screen, 130, again)
    except SweeperError as error:
        _fail(screen, error)
    except (typer.Exit, SystemExit):
        raise
    except OSError as error:
        if error.errno not in STORAGE_ERRNOS:
            _crash(screen, error)
        _fail(screen, StorageError(error.filename or "a file", error))
    except Exception as error:
        _crash(screen, error)
    finally:
        screen.restore()
        screen.close()


class _TerminalFile(io.FileIO):
    """A terminal, or a pipe, that may be closed while a sweep runs: what is written then is lost, and no error."""

    def write(self, data: Any) -> int:
        """Write, if there still is somebody who reads."""
        with suppress(OSError):
            return super().write(data)
        return len(data)


def _stop(screen: Terminal, code: int, again: str) -> None:
    screen.errors.print(f"interrupted{f'; {again}' if again else ''}", markup=False)
    raise typer.Exit(code) from None


def _fail(screen: Terminal, error: SweeperError) -> None:
    screen.errors.print(str(error), markup=False)
    if not isinstance(error, UsageError) and screen.log is not None:
        screen.errors.print(f"log: {screen.log}", markup=False)
    raise typer.Exit(error.exit_code) from None


def _crash(screen: Terminal, error: Exception) -> None:
    """An error that nobody foresaw: its traceback to the log, one line to the user."""
    text = "".join(traceback.format_exception(error))
    if screen.log is None:
        screen.errors.print(text, markup=False)
    else:
        with screen.log.open("a", encoding="utf-8") as file:
            file.write(text)
        screen._temporary = False
    where = f"; the traceback is in {screen.log}" if screen.log else ""
    line = " ".join(str(error).split())
    screen.errors.print(f"sweeper has a bug, or met something new: {type(error).__name__}: {line}{where}", markup=False)
    raise typer.Exit(1) from None
