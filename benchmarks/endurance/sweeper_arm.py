"""The arm of sweeper: the command as a user gives it, with checks of the record and of MLflow after the kills."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

from benchmarks.endurance.kill_schedule import Tally
from benchmarks.endurance.mlflow_runs import run_statuses
from benchmarks.endurance.record_check import count_repeated_reports, find_gaps, find_losses, has_ended, read_records
from benchmarks.endurance.retrain_check import find_differences
from sweeper.errors import SweeperError
from sweeper.storage.sweep_folder import open_sweep
from sweeper.trials.trial import TrialRecord

SWEEP = Path(__file__).with_name("sweep.yaml")


class SweeperArm:
    """Runs `sweeper run`. After each sweep, up to `compare` resumed trials are trained again without interruption.

    After a share `torn` of the kills, the record's last line is cut as well, as a power cut leaves it.
    """

    def __init__(self, tally: Tally, compare: int = 2, torn: float = 0, seed: int = 0) -> None:
        self.tally, self.compare, self.torn = tally, compare, torn
        self.random = Random(seed)
        self.before: dict[int, TrialRecord] = {}  # the record after the last kill
        self.ended: dict[int, int] = {}  # the attempts of the trials that had ended when a kill came, by number

    def command(self, folder: Path) -> Sequence[str]:
        """Return the command that starts or continues the sweep; it is always the same."""
        return [sys.executable, "-m", "sweeper", "run", str(SWEEP), "--sweeps", str(folder / "sweeps")]

    def killed(self, folder: Path) -> str:
        """Compare the record with what it held after the last kill. Returns what was going on, in a word."""
        sweep = find_sweep(folder)
        if sweep is None or not (sweep / "record.journal").exists():
            return "before the record"
        journal = sweep / "record.journal"
        data = journal.read_bytes()
        records = self._check(folder, sweep)
        phase = _phase(sweep, records, started=records != self.before, torn=not data.endswith(b"\n"))
        if self.random.random() < self.torn:
            self.tally.torn += 1
            data = data[: -self.random.randint(1, len(data) - data.rstrip(b"\n").rfind(b"\n") - 1)]
            journal.write_bytes(data)
            records = self._check(folder, sweep, torn=True)
        self.before = records
        for number, record in records.items():
            if has_ended(record):
                self.ended.setdefault(number, record.trial.attempt)
        return phase

    def finished(self, folder: Path) -> None:
        """Check the finished sweep and add it to the tally."""
        sweep, tally = find_sweep(folder), self.tally
        if sweep is None:
            self._add_violations(folder, ["there is no sweep"])
            return
        after = self._check(folder, sweep)
        self._add_violations(folder, find_gaps(after, open_sweep(sweep).read_spec().budget.trials))
        resumed = [number for number, record in after.items() if record.trial.attempt > 1]
        compared = resumed[-self.compare :] if self.compare else []
        self._add_violations(folder, find_differences(sweep, compared))
        tally.compared += len(compared)
        tally.trials += len(after)
        tally.finished_before_a_kill += len(self.ended)
        tally.lost += sum(number not in after or not has_ended(after[number]) for number in self.ended)
        tally.repeated += sum(self._is_repeated(number, after) for number in self.ended)
        tally.epochs_again += count_repeated_reports((sweep / "record.journal").read_bytes())
        self._count_runs(folder, after)
        attempts = [record.trial.attempt for record in after.values()]
        tally.attempts += sum(attempts)
        tally.most_attempts = max(tally.most_attempts, *attempts)
        self.before, self.ended = {}, {}

    def _check(self, folder: Path, sweep: Path, *, torn: bool = False) -> dict[int, TrialRecord]:
        """Read the record and note what it has lost since the last kill. A torn record may lose its last line."""
        try:
            records = read_records(sweep)
        except SweeperError as error:
            self._add_violations(folder, [str(error)])
            return self.before
        if not torn:
            self._add_violations(folder, find_losses(self.before, records))
        return records

    def _is_repeated(self, number: int, after: dict[int, TrialRecord]) -> bool:
        """Return True if a trial that had ended before one of the kills was started again."""
        return number in after and self.ended[number] < after[number].trial.attempt

    def _count_runs(self, folder: Path, after: dict[int, TrialRecord]) -> None:
        statuses = run_statuses(folder / "sweeps" / "mlflow.db")
        parents = 1 + any(record.trial.source_trial for record in after.values())
        self.tally.doubled += max(0, len(statuses) - parents - len(after))
        self.tally.orphaned += statuses.count("RUNNING")

    def _add_violations(self, folder: Path, lines: Iterable[str]) -> None:
        """Add what was found in a sweep. Later kills find the same again, which counts once."""
        named = [f"{folder}: {line}" for line in lines]
        self.tally.violations += [line for line in named if line not in self.tally.violations]


def find_sweep(folder: Path) -> Path | None:
    """Return the one sweep below a folder, or None if none has begun."""
    return next((manifest.parent for manifest in (folder / "sweeps").glob("*/sweep.json")), None)


def _phase(sweep: Path, records: Mapping[int, TrialRecord], *, started: bool, torn: bool) -> str:
    """Return what was going on when the kill came, as far as the record tells."""
    if not started:
        return "starting"
    if torn:
        return "writing a record"
    if (sweep / "results.json").exists():
        return "after the results"
    if any(not has_ended(record) for record in records.values()):
        return "confirming" if any(record.trial.source_trial for record in records.values()) else "training"
    return "ending"
