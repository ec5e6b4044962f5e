"""Run the `sweeper` command in this process, where its own process is not the subject."""

import io
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO
from unittest import mock

from sweeper.cli import app


def run_here(
    arguments: Sequence[str], folder: Path, *, variables: Mapping[str, str] | None = None, typed: str = ""
) -> CompletedProcess[str]:
    """Run the command in `folder`, with more environment variables and `typed` as its standard input.

    Its terminal writes to the file descriptors, and Typer to `sys.stderr`, so both are replaced. The command's handlers
    of signals and its log end with it.
    """
    with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
        with (
            chdir(folder),
            mock.patch.dict(os.environ, {"COLUMNS": "100", **(variables or {})}),
            _replaced(1, out),
            _replaced(2, err),
            _kept_signals(),
            _kept_log(),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode("utf-8")))),
        ):
            try:
                app(arguments, prog_name="sweeper")
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
        written = []
        for file in (out, err):
            file.seek(0)
            written.append(file.read().decode("utf-8"))
    return CompletedProcess(list(arguments), code, *written)


@contextmanager
def _replaced(descriptor: int, file: IO[bytes]) -> Iterator[None]:
    """Let a standard stream of this process lead to a file."""
    name = {1: "stdout", 2: "stderr"}[descriptor]
    before = os.dup(descriptor)
    os.dup2(file.fileno(), descriptor)
    stream = open(descriptor, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    try:
        with mock.patch.object(sys, name, stream):
            yield
    finally:
        stream.flush()
        os.dup2(before, descriptor)
        os.close(before)


@contextmanager
def _kept_signals() -> Iterator[None]:
    """Give the signals that a command handles their handlers back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _kept_log() -> Iterator[None]:
    """Let Python log as in a new process, and close what the command logs to."""
    handlers, logging.root.handlers = logging.root.handlers, []
    try:
        yield
    finally:
        for handler in logging.root.handlers:
            handler.close()
        logging.root.handlers = handlers
