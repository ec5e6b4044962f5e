"""The frame of every command: its terminal, its signals, and its end as one line and an exit code."""

import shlex
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from sweeper.errors import STORAGE_ERRNOS, StorageError, SweeperError, SweepInterrupted, UsageError
from sweeper.terminal.terminal import Terminal


@contextmanager
def cli_session(
    *,
    as_json: bool = False,
    debugger: bool = False,
    quiet: bool = False,
    relayed: bool = False,
    as_events: bool = False,
    resume_hint: str = "",
    has_last_words: bool = False,
) -> Iterator[Terminal]:
    """Give a command its terminal, and turn whatever ends it into a line and an exit code.

    0: done. 1: it could not finish. 2: the input is wrong. 130 or 143: interrupted; `resume_hint` says how to
    continue, unless the command has replaced it in its terminal. With `has_last_words`, this is said too where the
    process is killed.
    """
    terminal = Terminal(as_json=as_json, debugger=debugger, quiet=quiet, relayed=relayed, as_events=as_events)
    terminal.resume_hint = resume_hint
    if has_last_words:
        terminal.prepare_last_words()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, terminal.interrupt)
    try:
        if as_json and as_events:
            raise UsageError("--events: cannot be combined with --json; its last line has the same results")
        yield terminal
    except SweepInterrupted as interruption:
        _exit_interrupted(terminal, interruption.exit_code)
    except KeyboardInterrupt:
        _exit_interrupted(terminal, 130)
    except SweeperError as error:
        _exit_with_error(terminal, error)
    except (typer.Exit, typer.Abort, SystemExit):
        raise
    except OSError as error:
        if error.errno not in STORAGE_ERRNOS:
            _exit_after_crash(terminal, error)
        _exit_with_error(terminal, StorageError(error.filename or "a file", error, may_be_reading=True))
    except Exception as error:
        _exit_after_crash(terminal, error)
    finally:
        terminal.restore()
        terminal.close()


def typed_command(*, has_begun: bool = True) -> str:
    """Return the command that the user typed, as it continues what it has begun: without `--fresh`."""
    return shlex.join(["sweeper", *(word for word in sys.argv[1:] if not (has_begun and word == "--fresh"))])


def _exit_interrupted(terminal: Terminal, code: int) -> None:
    hint = f"; {terminal.resume_hint}" if terminal.resume_hint else ""
    terminal.error(f"interrupted{hint}")
    raise typer.Exit(code) from None


def _exit_with_error(terminal: Terminal, error: SweeperError) -> None:
    terminal.error(str(error))
    if error.exit_code != UsageError.exit_code and (log := terminal.keep_log()) is not None:
        terminal.error(f"log: {log}")
    raise typer.Exit(error.exit_code) from None


def _exit_after_crash(terminal: Terminal, error: Exception) -> None:
    """Write the traceback of an unforeseen error to the log, and one line to the user."""
    text = "".join(traceback.format_exception(error))
    if terminal.log is None:
        terminal.errors.print(text, markup=False)
    else:
        with terminal.log.open("a", encoding="utf-8") as file:
            file.write(text)
        terminal.keep_log()
    where = f"; the traceback is in {terminal.log}" if terminal.log else ""
    line = " ".join(str(error).split())
    terminal.error(f"unexpected error, probably a bug in sweeper: {type(error).__name__}: {line}{where}")
    raise typer.Exit(1) from None
