"""The common parts of the rows of one run: the settings, a folder for their files, and the processes of the arms."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.processes import ArmProcess, worker_environment
from benchmarks.speed.settings import Settings


@dataclass(frozen=True)
class Session:
    """The settings, and a folder that is deleted after the run."""

    settings: Settings
    folder: Path

    @contextmanager
    def processes(self, *names: str) -> Iterator[Mapping[str, ArmProcess]]:
        """Start a process for each name, and end them all afterwards. Names with "sweeper" get its environment."""
        started: dict[str, ArmProcess] = {}
        try:
            for name in names:
                environment = worker_environment() if name.startswith("sweeper") else {}
                started[name] = ArmProcess(self.folder / f"{name.replace(' ', '-')}.log", environment)
            yield started
        finally:
            for process in started.values():
                process.close()

    def subfolder(self, name: str) -> Path:
        """Return a folder for the files of a row."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
