"""The state of a simulated sweep: its folder, its workers and orphans, and what has happened so far."""

import os
import tempfile
from collections import Counter, deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.execution.attempt import Event
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.trials.borrowed import BorrowedTrials
from sweeper.trials.trial import Trial
from tests.support.simulation.mlflow import FakeMlflow
from tests.support.simulation.world import FailingDisk, RecordPath, SimulatedTraining

fault_counts: Counter[str] = Counter()  # faults of each kind, and outcomes of trials


def fast_folder() -> Path | None:
    """Return a folder in memory if there is one, because a record is flushed after every line."""
    folder = Path("/dev/shm")
    return folder if os.access(folder, os.W_OK) else None


@dataclass
class Worker:
    """A worker process with one attempt, and its events that have not reached the driver yet."""

    name: str
    trial: Trial
    events: Generator[Event, None, None]
    sent: deque[Event] = field(default_factory=deque)

    def advance(self) -> None:
        """Train up to the next event and send it."""
        event = next(self.events, None)
        if event is not None:
            self.sent.append(event)


class SweepState:
    """A sweep and its surroundings. A test sets `spec` and `slots`, the number of trials that run at once."""

    spec: SweepSpec
    slots: int
    borrowed: Sequence[BorrowedTrials] = ()  # from earlier sweeps

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sweep-", dir=fast_folder()))
        self.job_folder = self.folder / "sweep"
        self.job_folder.mkdir()
        self.disk = FailingDisk(aside=(self.job_folder / "trials", self.folder / "aside"))
        self.path = RecordPath(self.job_folder / "record.journal")
        self.path.disk = self.disk
        self.mlflow, self.training, self.now, self.num_workers = FakeMlflow(), SimulatedTraining(), 0.0, 0
        self.wall = 1.7e9  # seconds since 1970
        self.searched_seconds = 0.0  # of all drivers, without the pauses between them
        self.search_was_over = False  # under the present budget
        self.workers: list[Worker] = []
        self.orphans: list[Worker] = []  # of attempts that the driver gave up, or of a dead driver; they keep training
        self.free_bytes: int | None = None
        self.damaged: set[int] = set()  # trials whose checkpoint was damaged after it was last written
        self.epochs_trained: dict[int, int] = {}  # by trial
        self.configs: dict[int, TrainConfig] = {}  # by trial, at its first start
        self.given_up: set[int] = set()
        self.with_predictions: set[int] = set()  # trials whose predictions are on the disk
        self.committed = b""  # the journal at the last audit
        self.is_sound = True  # no check has failed yet

    def checkpoints(self) -> list[Path]:
        return sorted(self.job_folder.glob("trials/*/checkpoint-*.pt"))

    def count_fault(self, fault: str) -> None:
        fault_counts[fault] += 1
        if hasattr(self, "stage"):
            fault_counts[f"a fault in {type(self.stage).__name__}"] += 1

    def expect_none(self, violations: Iterable[str]) -> None:
        lines = list(violations)
        self.is_sound = self.is_sound and not lines
        assert not lines, "\n".join(lines)
