"""A command in a process of its own that is killed at a given moment, and what such a kill leaves.

The driver alone is killed, as the kernel does it when memory runs out: what it had started must find its own end.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_AWAY = ("HF_", "MLFLOW_", "RAY_")  # variables that would lead a command elsewhere
_ROOT = Path(__file__).parents[2]
_LONGEST = 900.0  # seconds until a command is taken as hung
_POLL = 0.01

Moment = Callable[[float], bool]
"""Whether to kill now, so many seconds after the start."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: `code` is its exit code, or None where it was killed after `seconds`."""

    pid: int
    code: int | None
    seconds: float


def run(command: Sequence[str], log: Path, moment: Moment | None = None) -> Ended:
    """Run a command, its output appended to `log`; SIGKILL for it alone once `moment` says so.

    The command leads a session of its own: its process number is how what it leaves is found again. One that hangs is
    killed too, and its code is then that of a command that a signal ended, -9.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_AWAY)}
    start = time.monotonic()
    with log.open("ab") as file:
        running = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=_ROOT,
            start_new_session=True,
            env={**kept, "HF_HUB_OFFLINE": "1"},
        )
        code: int | None = None
        while (code := running.poll()) is None:
            seconds = time.monotonic() - start
            if seconds > _LONGEST or (moment is not None and moment(seconds)):
                os.kill(running.pid, signal.SIGKILL)
                running.wait()
                break
            time.sleep(_POLL)
    seconds = time.monotonic() - start
    return Ended(running.pid, -signal.SIGKILL if seconds > _LONGEST else code, seconds)


def workers(session: int) -> list[int]:
    """The processes that a killed command left and that could still write: Ray's agents, which outlive it, cannot."""
    return [pid for pid, name in processes(session) if "Agent" not in name]


def processes(session: int) -> list[tuple[int, str]]:
    """The living processes of a session: number and command line."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()  # state, parent, group, session
            if place.name.isdigit() and int(fields[3]) == session and fields[0] != "Z":
                found.append((int(place.name), (place / "cmdline").read_bytes().decode(errors="replace")))
        except (OSError, IndexError):  # it ended meanwhile, or is no process
            continue
    return found


def wait_for_workers(sessions: Sequence[int], longest: float = 90) -> list[int]:
    """Wait until what killed commands left has ended; the processes that have not after so many seconds."""
    deadline = time.monotonic() + longest
    while left := [pid for session in sessions for pid in workers(session)]:
        if time.monotonic() > deadline:
            return left
        time.sleep(0.2)
    return []


def sweep_up(sessions: Sequence[int], parent: Path = Path("/tmp")) -> int:
    """Remove the folders of killed Rays, which carry the driver's number; how many bytes they held."""
    held = 0
    for session in sessions:
        for found in parent.glob(f"*/session_*_{session}"):
            held += sum(path.lstat().st_size for path in found.parent.rglob("*") if path.is_file())
            shutil.rmtree(found.parent, ignore_errors=True)
    return held
