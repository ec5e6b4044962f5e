"""The amounts that a plan expects and that its sweep used, and their ratios."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.plan_truth.watched_command import Watched
from sweeper.app.open_study import read_study
from sweeper.errors import UsageError
from sweeper.protocol.sweep_plan import SweepPlan
from sweeper.storage.sweep_folder import open_sweep
from sweeper.trials.trial import TrialRecord

AMOUNTS: Mapping[str, str] = {  # with their units
    "epochs": "", "processor": "s", "wall": "s", "memory": "MB", "disk": "MB"
}  # fmt: skip
_CORES, _MEGABYTE = "system/cpu_cores", 1e6


@dataclass(frozen=True)
class Truth:
    """A plan and its sweep: both have each of AMOUNTS. `others` are the cores that other work used beside each.

    `origin` is that of the file of a truth that was kept; None if it has none.
    """

    name: str
    expected: Mapping[str, float]
    used: Mapping[str, float]
    others: tuple[float | None, float | None] = (None, None)
    origin: str | None = field(default=None, compare=False)

    def ratio(self, amount: str) -> float:
        """Return what was expected, divided by what was used."""
        return self.expected[amount] / self.used[amount]


def expected_amounts(plan: SweepPlan) -> dict[str, float]:
    """Return what a plan expects of a sweep. Raises UsageError if it was made without a calibration."""
    use = plan.use
    if use is None:
        raise UsageError(f"{plan.dataset}: the plan has no calibration; make it without --no-calibrate")
    return {
        "epochs": plan.epochs.expected + plan.confirmation_epochs,
        "processor": 3600 * use.cpu_hours.expected,
        "wall": 3600 * use.hours.expected,
        "memory": use.memory_bytes / _MEGABYTE,
        "disk": use.disk_bytes / _MEGABYTE,
    }


def used_amounts(folder: Path, watched: Watched) -> dict[str, float]:
    """Return what a finished sweep used, by its record and by its processes, which were watched.

    Raises UsageError if the sweep is not finished, was interrupted, or has no system metrics.
    """
    sweep = open_sweep(folder)
    study = read_study(sweep, sweep.read_spec())
    records = study.all_trials()
    study.close()
    if sweep.read_results() is None:
        raise UsageError(f"{folder}: the sweep is not finished; run it to its end")
    if any(record.trial.attempt > 1 for record in records):
        raise UsageError(f"{folder}: the sweep was interrupted, so its wall time says nothing; run it again")
    return {
        "epochs": sum(len(record.reports) for record in records) / sweep.read_spec().validations_per_epoch,
        "processor": processor_seconds(folder, records),
        "wall": watched.seconds,
        "memory": watched.memory / _MEGABYTE,
        "disk": watched.disk / _MEGABYTE,
    }


def processor_seconds(folder: Path, records: Sequence[TrialRecord]) -> float:
    """Return the processor time of all trainings: of each report, the mean cores in use and the seconds since the last.

    The seconds before a training's first report also have the start of a new process, which is no training. A training
    is taken to begin as long before its first report as the median of its system's trainings does. Raises UsageError
    for a sweep without system metrics.
    """
    reported = [record for record in records if record.reports]
    if not all(_CORES in report.metrics for record in reported for report in record.reports):
        raise UsageError(f"{folder}: its record has no {_CORES}; set tracking: {{system_metrics: true}}")
    by_system: dict[int, list[float]] = defaultdict(list)
    for record in reported:
        by_system[record.trial.system].append(_seconds_before(record))
    starts = {system: median(seconds) for system, seconds in by_system.items()}
    total = 0.0
    for record in reported:
        first = record.reports[0].metrics["seconds"] + min(_seconds_before(record), starts[record.trial.system])
        times = record.report_times
        seconds = [first, *((later - earlier) / 1000 for earlier, later in pairwise(times))]
        total += sum(it.metrics[_CORES] * span for it, span in zip(record.reports, seconds, strict=True))
    return total


def _seconds_before(record: TrialRecord) -> float:
    """Return the seconds from a trial's start to its first report, without the training and validation in them."""
    return (record.report_times[0] - record.started_at) / 1000 - record.reports[0].metrics["seconds"]
