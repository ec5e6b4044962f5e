"""Commands as a user types them, in processes of their own."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.local_environment import local_environment

SWEEPER_COMMAND = (sys.executable, "-m", "sweeper")
_POLL = 0.01  # seconds
_TIMEOUT = 600.0  # seconds


def seconds_to_end(command: Sequence[str], log: Path) -> float:
    """Run a command and return its seconds. Raises RuntimeError with the end of its output if it fails."""
    start = time.perf_counter()
    with log.open("ab") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False, env=local_environment())
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {_tail(log)}")
    return time.perf_counter() - start


def seconds_until(command: Sequence[str], has_happened: Callable[[], bool], log: Path) -> float:
    """Run a command until something has happened, interrupt it, and return the seconds until then.

    Raises RuntimeError if the command ends before, or takes too long.
    """
    start = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=local_environment())
    try:
        while not has_happened():
            if process.poll() is not None and not has_happened():
                raise RuntimeError(f"{' '.join(command)}: ended with {process.returncode}: {_tail(log)}")
            if time.perf_counter() - start > _TIMEOUT:
                raise RuntimeError(f"{' '.join(command)}: nothing happened in {_TIMEOUT:g} s: {_tail(log)}")
            time.sleep(_POLL)
        return time.perf_counter() - start
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        process.wait()


def journal_has(sweeps: Path, text: bytes, since: int = 0) -> bool:
    """Return True if the record of a sweep in the folder `sweeps` has this text after its first `since` bytes."""
    for journal in sweeps.glob("*/record.journal"):
        with journal.open("rb") as file:
            file.seek(since)
            if text in file.read():
                return True
    return False


def _tail(log: Path) -> str:
    return " ".join(log.read_text(encoding="utf-8", errors="replace")[-300:].split())
