"""The arm of sweeper: the command as a user gives it, and the statements after every kill."""

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from benchmarks.endurance.again import differences
from benchmarks.endurance.arms import Tally
from tests.support import mlflow_invariants, record_invariants

SWEEP = Path(__file__).with_name("sweep.yaml")


class Sweeper:
    """Runs `sweeper run`; `compare` trials of each sweep that were resumed are trained again.

    After a share `torn` of the kills, the record's last line is cut too, as a power cut leaves it.
    """

    def __init__(
        self, tally: Tally, compare: int = 2, torn: float = 0, seed: int = 0, changes: Sequence[str] = ()
    ) -> None:
        self.tally, self.compare, self.torn = tally, compare, torn
        self.random = Random(seed)
        self.changes = [part for change in changes for part in ("--set", change)]
        self.before = b""  # the record as the last kill left it
        self.ended: set[int] = set()  # trials of this sweep that had ended when a kill came

    def command(self, folder: Path) -> Sequence[str]:
        """The same command every time."""
        return [sys.executable, "-m", "sweeper", "run", str(SWEEP), "--sweeps", str(folder / "sweeps"), *self.changes]

    def killed(self, folder: Path) -> str:
        """Hold the record against what it was at the last kill, and MLflow against the record."""
        sweep = only_sweep(folder)
        if sweep is None or not (sweep / "record.journal").exists():
            return "before the record"
        data = (sweep / "record.journal").read_bytes()
        self._note(folder, [*record_invariants.lost(self.before, data), *record_invariants.of_record(sweep)])
        self._note(folder, mlflow_invariants.ahead(sweep, folder / "sweeps" / "mlflow.db"))
        phase = _phase(sweep, self.before, data)
        if self.random.random() < self.torn:
            self.tally.torn += 1
            data = data[: -self.random.randint(1, len(data) - data.rstrip(b"\n").rfind(b"\n") - 1)]
            (sweep / "record.journal").write_bytes(data)
        self.before = data
        self.ended |= {int(place[1]) for place in record_invariants.committed(data) if place[0] == "outcome"}
        return phase

    def finished(self, folder: Path) -> None:
        """Hold the finished sweep against every statement."""
        sweep, tally = only_sweep(folder), self.tally
        if sweep is None:
            self._note(folder, ["there is no sweep"])
            return
        after = (sweep / "record.journal").read_bytes()
        lost = record_invariants.lost(self.before, after)
        self._note(folder, [*lost, *record_invariants.violations(sweep, tracking(folder))])
        attempts = record_invariants.attempts(sweep)
        resumed = [number for number, count in attempts.items() if count > 1]
        self._note(folder, differences(sweep, resumed[-self.compare :] if self.compare else []))
        facts = record_invariants.committed(after)
        tally.trials += len(attempts)
        tally.finished_before_a_kill += len(self.ended)
        tally.lost += sum(("outcome", number) not in facts for number in self.ended)
        tally.repeated += sum(
            bool(told.late) for _, told in record_invariants.numbered(record_invariants.trials_of(sweep))
        )
        tally.epochs_again += sum(
            len(told.reports) - len(dict(told.reports)) for told in record_invariants.trials_of(sweep)
        )
        statuses = mlflow_invariants.status_counts(sweep, tracking(folder))
        above = 1 + any(told.last("confirms") for told in record_invariants.trials_of(sweep))
        tally.doubled += max(0, sum(statuses.values()) - above - len(attempts))
        tally.orphaned += statuses.get("RUNNING", 0)
        tally.attempts += sum(attempts.values())
        tally.most_attempts = max(tally.most_attempts, *attempts.values())
        tally.compared += len(resumed[-self.compare :] if self.compare else [])
        self.before, self.ended = b"", set()

    def _note(self, folder: Path, lines: list[str]) -> None:
        known = {line.partition(": ")[2] for line in self.tally.violations}
        self.tally.violations += [f"{folder}: {line}" for line in lines if line not in known]


def only_sweep(folder: Path) -> Path | None:
    """The one sweep below a folder; None where none has begun."""
    return next((found.parent for found in (folder / "sweeps").glob("*/sweep.json")), None)


def tracking(folder: Path) -> str:
    """Where the runs are tracked: the file beside the sweeps."""
    return f"sqlite:///{folder / 'sweeps' / 'mlflow.db'}"


def _phase(sweep: Path, before: bytes, data: bytes) -> str:
    """What was going on when the kill came, as far as the record says."""
    known, now = (record_invariants.told(record_invariants.operations(found)) for found in (before, data))
    if known == now:
        return "starting"
    if not data.endswith(b"\n"):
        return "writing a record"
    if (sweep / "results.json").exists():
        return "after the results"
    if any(told.last("number") and not told.states for told in now):
        return "confirming" if any(told.last("confirms") for told in now) else "training"
    return "ending"
