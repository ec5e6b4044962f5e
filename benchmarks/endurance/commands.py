"""Run a command in a process of its own, kill it at a given moment, and clean up after it.

Only the driver is killed, as the kernel does when memory runs out. The processes that it started must end by
themselves.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_REMOVED_VARIABLES = ("HF_", "MLFLOW_", "RAY_")  # prefixes of variables that would point a command elsewhere
_ROOT = Path(__file__).parents[2]
_MAX_SECONDS = 900.0  # a command that takes longer is considered hung
_POLL = 0.01  # seconds

Moment = Callable[[float], bool]
"""Return True if the command is to be killed now, given the seconds since its start."""


@dataclass(frozen=True)
class CommandEnd:
    """The end of a command: `code` is its exit code, or None if it was killed after `seconds`."""

    pid: int
    code: int | None
    seconds: float


def run(command: Sequence[str], log: Path, moment: Moment | None = None) -> CommandEnd:
    """Run a command and append its output to `log`; send SIGKILL to it alone once `moment` returns True.

    The command leads a session of its own. Its process number identifies what it leaves behind. A hung command is
    killed too; its code is -9, as for any command that SIGKILL ended. If this call is interrupted, nothing of the
    command goes on.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(_REMOVED_VARIABLES)}
    start = time.monotonic()
    with log.open("ab") as file:
        running = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=_ROOT,
            start_new_session=True,
            env={**variables, "HF_HUB_OFFLINE": "1"},
        )
        code: int | None = None
        try:
            while (code := running.poll()) is None:
                seconds = time.monotonic() - start
                if seconds > _MAX_SECONDS or (moment is not None and moment(seconds)):
                    os.kill(running.pid, signal.SIGKILL)
                    running.wait()
                    break
                time.sleep(_POLL)
        except BaseException:  # Ctrl+C and SIGTERM among them, which do not reach the command's own session
            _end_session(running)
            raise
    seconds = time.monotonic() - start
    return CommandEnd(running.pid, -signal.SIGKILL if seconds > _MAX_SECONDS else code, seconds)


def _end_session(leader: "subprocess.Popen[bytes]", timeout: float = 10) -> None:
    """Kill a command with all processes of its session, wait until they have ended, and remove its Ray's folder."""
    deadline = time.monotonic() + timeout
    while (alive := session_processes(leader.pid)) and time.monotonic() < deadline:
        for pid, _ in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        leader.poll()
        time.sleep(_POLL)
    remove_ray_folders([leader.pid])


@contextmanager
def exits_at_sigterm() -> Iterator[None]:
    """Let SIGTERM end this process as Ctrl+C does, so that commands are ended with it. Its exit code is 143."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def session_processes(session: int) -> list[tuple[int, str]]:
    """Return the process number and command line of each living process of a session."""
    processes = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()  # state, parent, group, session
            if entry.name.isdigit() and int(fields[3]) == session and fields[0] != "Z":
                processes.append((int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace")))
        except (OSError, IndexError):  # it ended meanwhile, or is not a process
            continue
    return processes


def wait_for_workers(sessions: Sequence[int], timeout: float = 90) -> list[int]:
    """Wait until the processes that killed commands left have ended. Returns those alive after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while alive := [pid for session in sessions for pid in _workers(session)]:
        if time.monotonic() > deadline:
            return alive
        time.sleep(0.2)
    return []


def _workers(session: int) -> list[int]:
    """Return a session's processes that could still write. Ray's agents outlive the driver, but cannot."""
    return [pid for pid, command in session_processes(session) if "Agent" not in command]


def remove_ray_folders(sessions: Sequence[int], parent: Path = Path("/tmp")) -> None:
    """Remove the folders of killed Rays. Their names contain the driver's process number."""
    for session in sessions:
        for ray_session in parent.glob(f"*/session_*_{session}"):
            shutil.rmtree(ray_session.parent, ignore_errors=True)
