"""A command that is watched while it runs: the memory of its trainings, its checkpoints on disk, and other work."""

import itertools
import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.local_environment import local_environment
from sweeper.errors import SweeperError

_INTERVAL = 0.04  # seconds between two looks at the disk: an old and a new checkpoint are there together for moments
_SESSION_EVERY = 5  # looks at the disk between two looks at the processes, which take longer
_FILES = "trials/*/*.pt*"  # checkpoints and models, also those that are being written
_NO_TRAINING = ("Agent", "IDLE")  # in the title of a Ray process that trains nothing


@dataclass(frozen=True)
class Watched:
    """The cost of a command. `memory` and `disk` are the most bytes at one moment, of all trainings and their files.

    `others` are the cores that other processes used meanwhile, on average; None where the system does not say it.
    """

    seconds: float
    memory: int
    disk: int
    others: float | None


def run_watched(command: Sequence[str], log: Path, sweeps: Path, stdout: Path | None = None) -> Watched:
    """Run a command, and return what it took. It writes its sweep below `sweeps`.

    Its output goes to the file `log`, standard output to `stdout` if that is given. Raises SweeperError if it fails.
    """
    began, busy = time.monotonic(), busy_seconds()
    session, disk = _Session(), 0
    with log.open("wb") as errors, stdout.open("wb") if stdout else nullcontext(errors) as output:
        running = subprocess.Popen(
            command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL,
            start_new_session=True, env=local_environment(),
        )  # fmt: skip
        try:
            for look in itertools.count():
                if running.poll() is not None:
                    break
                if look % _SESSION_EVERY == 0:
                    session.look(running.pid)
                disk = max(disk, sum(_size(path) for path in sweeps.glob(f"*/{_FILES}")))
                time.sleep(_INTERVAL)
        finally:  # Ctrl-C does not reach another session
            running.terminate()
            running.wait()
    seconds = time.monotonic() - began
    if running.returncode:
        end = " ".join(log.read_text(encoding="utf-8", errors="replace")[-400:].split())
        raise SweeperError(f"{' '.join(command)}: exit code {running.returncode}: {end}")
    after = busy_seconds()
    others = None
    if busy is not None and after is not None:
        others = max(0.0, after - busy - session.processor) / seconds
    return Watched(seconds, session.memory, disk, others)


def busy_seconds(stat: Path = Path("/proc/stat")) -> float | None:
    """Return the seconds that the cores of this machine were busy since its start; None without /proc."""
    try:
        fields = stat.read_text(encoding="ascii").split()[1:9]  # user nice system idle iowait irq softirq steal
    except OSError:
        return None
    return sum(int(field) for place, field in enumerate(fields) if place not in (3, 4)) / os.sysconf("SC_CLK_TCK")


class _Session:
    """The processes of a session: the most memory of its trainings at one moment, and the time of all of them."""

    def __init__(self) -> None:
        self.memory = 0
        self._processor: dict[int, float] = {}  # by process

    @property
    def processor(self) -> float:
        """The processor time of all processes that were seen, in seconds."""
        return sum(self._processor.values())

    def look(self, session: int) -> None:
        """Read /proc. Without it, nothing is known."""
        memory = 0
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(fields[3]) != session:
                    continue
                title = (entry / "cmdline").read_bytes().decode(errors="replace")
            except (OSError, IndexError):  # it has ended meanwhile
                continue
            self._processor[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            if title.startswith("ray::") and not any(word in title for word in _NO_TRAINING):
                memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        self.memory = max(self.memory, memory)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it was deleted meanwhile
        return 0
