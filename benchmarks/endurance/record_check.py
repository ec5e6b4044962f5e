"""Compare a sweep's record with what it held before a kill."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from sweeper.record.optuna_study import OptunaStudy
from sweeper.storage.sweep_folder import open_sweep
from sweeper.trials.trial import TrialRecord

Records = Mapping[int, TrialRecord]  # by trial number


def read_records(sweep: Path) -> dict[int, TrialRecord]:
    """Return the trials in a sweep's record. Reads a copy, because opening a record may write to it."""
    folder = open_sweep(sweep)
    with tempfile.TemporaryDirectory() as parent:
        copy = Path(shutil.copy(folder.journal, parent))
        with closing(OptunaStudy(folder.read_spec(), copy, folder.manifest.threads)) as study:
            return {record.trial.number: record for record in study.all_trials()}


def has_ended(record: TrialRecord) -> bool:
    """Return True if a trial has an outcome."""
    return record.end is not None


def find_losses(before: Records, after: Records) -> Iterator[str]:
    """Name the trials whose setting, reports or end were in the record before and are missing or different now."""
    for number, old in before.items():
        new = after.get(number)
        if new is None:
            yield f"trial {number}: was in the record, is missing"
        elif (old.trial.config, repr(old.reports)) != (new.trial.config, repr(new.reports[: len(old.reports)])):
            yield f"trial {number}: its setting or its reports have changed"
        elif has_ended(old) and old.end != new.end:
            yield f"trial {number}: ended as {old.end}, is now {new.end}"


def find_gaps(after: Records, budget: int) -> Iterator[str]:
    """Name what a finished sweep lacks: a number, an epoch, an end, or a trial of its budget."""
    if sorted(after) != list(range(1, len(after) + 1)):
        yield f"the trials are numbered {sorted(after)}"
    searched = sum(record.trial.is_of_search for record in after.values())
    if searched != budget:
        yield f"{searched} trials were searched, the budget is {budget}"
    for number, record in after.items():
        steps = [report.step for report in record.reports]
        if steps != list(range(1, len(steps) + 1)):
            yield f"trial {number}: has the steps {steps}"
        if not has_ended(record):
            yield f"trial {number}: has no end"


def count_repeated_reports(journal: bytes) -> int:
    """Count the reports in a journal that came for an epoch which already had one."""
    reports: Counter[tuple[int, str]] = Counter()
    for line in journal.splitlines()[1:]:  # without the header; each line is a number, a checksum and an operation
        operation = json.loads(line.split(b" ", 2)[2])
        names = operation.get("user_attr", {}) if "trial_id" in operation else {}
        reports.update((operation["trial_id"], name) for name in names if name.startswith("report:"))
    return sum(count - 1 for count in reports.values())
