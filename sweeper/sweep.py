"""The story of one sweep, told against ports only: search, then results.

A report reaches the record first, then the pruner (whose answer is in the record too), then the trackers. Whatever is
not in the record did not happen; whatever is in it is never done again.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.allocation import Allocation
from sweeper.attempt import forget
from sweeper.folder import SweepFolder
from sweeper.outcome import Outcome
from sweeper.ports import Finish, Job, Recorded, Report, Runner, Study, Tracker, Trial
from sweeper.spec import SweepSpec
from sweeper.tables import Best, Row, best, counts

LOST_AT_MOST = 3  # times that a trial may lose its worker; then it has failed
_LARGEST = "validation/largest_class"
ONE_CLASS = 0.98  # share of the validation texts; a trial that gives so many one and the same class has collapsed


class Search:
    """The port Trials: shares the budget among the cells, resumes what was cut off, and keeps record before all."""

    def __init__(self, spec: SweepSpec, study: Study, trackers: Sequence[Tracker]) -> None:
        self.spec, self.study, self.trackers = spec, study, trackers
        recorded = study.recorded()
        self.asked = [sum(r.trial.cell == cell for r in recorded) for cell in range(len(spec.cells))]
        self.cut_off = deque(r.trial for r in recorded if r.finish is None)
        self.running: dict[int, Trial] = {}
        self.losses: Counter[int] = Counter()
        hours = spec.budget.hours
        self.deadline = time.monotonic() + hours * 3600 if hours else float("inf")
        for one in recorded:
            self._tell(one)

    def next(self) -> Trial | None:
        """A trial that was cut off, else a new one of the cell that is furthest behind its share."""
        if time.monotonic() >= self.deadline:
            return None
        if self.cut_off:
            trial = self.study.restart(self.cut_off.popleft())
        else:
            cell = self._behind()
            if cell is None:
                return None
            self.asked[cell] += 1
            trial = self.study.ask(cell)
        self.running[trial.number] = trial
        self._tell(self.study.of(trial))
        return trial

    def _behind(self) -> int | None:
        open_cells = [cell for cell, asked in enumerate(self.asked) if asked < self.spec.share(cell)]
        return min(open_cells, key=lambda cell: self.asked[cell], default=None)

    def exhausted(self) -> bool:
        """Whether nothing runs and nothing will come: the budget is spent, or its hours are over."""
        if self.running:
            return False
        return not self.left or time.monotonic() >= self.deadline

    @property
    def left(self) -> bool:
        """Whether the budget still has trials to start."""
        return bool(self.cut_off) or self._behind() is not None

    def report(self, trial: Trial, report: Report) -> bool:
        """Keep a report; False where it ended the trial."""
        finish = self.study.report(trial, report)
        if finish is None and _collapses(self.spec, self.study.of(trial)):
            finish = Finish(Outcome.COLLAPSED, f"gives {ONE_CLASS:.0%} of the texts one class, twice running")
            self.study.finish(trial, finish)
        if finish is not None:
            self.running.pop(trial.number, None)
        self._tell(self.study.of(trial))
        return finish is None

    def finish(self, trial: Trial, finish: Finish) -> None:
        """Keep the end of a trial. One that predicts a single class even at its best has collapsed."""
        if finish.outcome == Outcome.COMPLETED:
            finish = _judged(self.spec, self.study.of(trial))
        self.study.finish(trial, finish)
        self.running.pop(trial.number, None)
        self._tell(self.study.of(trial))

    def lost(self, trial: Trial, reason: str) -> None:
        """Start a trial whose worker was lost once more, from its checkpoint; give it up after several times."""
        self.running.pop(trial.number, None)
        self.losses[trial.number] += 1
        if self.losses[trial.number] >= LOST_AT_MOST:
            self.finish(trial, Finish(Outcome.FAILED, f"{reason}, {LOST_AT_MOST} times"))
        else:
            self.cut_off.append(trial)

    def _tell(self, recorded: Recorded) -> None:
        for tracker in self.trackers:
            tracker.update(recorded)


def run(
    spec: SweepSpec, study: Study, runner: Runner, trackers: Sequence[Tracker], job: Job, share: Allocation
) -> bool:
    """Run what the budget allows and the record does not have yet; True where the budget is spent.

    Checkpoints of trials that have ended are gone afterwards: those too that a worker left whose driver was killed.
    """
    search = Search(spec, study, trackers)
    runner.run(search, job, share)
    for one in study.recorded():
        if one.finish is not None:
            forget(job.folder, one.trial)
    return not search.left


def _collapses(spec: SweepSpec, recorded: Recorded) -> bool:
    """Whether the last two validations past the grace epochs both gave (nearly) all texts one class."""
    judged = [r for r in recorded.reports if _LARGEST in r.metrics and r.step > spec.grace]
    return len(judged) > 1 and all(report.metrics[_LARGEST] >= ONE_CLASS for report in judged[-2:])


def _judged(spec: SweepSpec, recorded: Recorded) -> Finish:
    report = best_report(spec, recorded)
    if report is None:
        return Finish(Outcome.DIVERGED, f"{spec.objective.metric} was never finite")
    if report.metrics.get(_LARGEST, 0) >= ONE_CLASS:
        return Finish(Outcome.COLLAPSED, f"gives {ONE_CLASS:.0%} of the texts one class, at its best validation too")
    return Finish(Outcome.COMPLETED)


def best_report(spec: SweepSpec, recorded: Recorded) -> Report | None:
    """The report with the best finite value of the objective; the first of equals."""
    metric, sign = spec.objective.metric, spec.objective.sign
    finite = [report for report in recorded.reports if math.isfinite(report.metrics.get(metric, math.nan))]
    return max(finite, key=lambda report: sign * report.metrics[metric], default=None)


def row(spec: SweepSpec, recorded: Recorded) -> Row:
    """A recorded trial as the tables see it."""
    report = best_report(spec, recorded)
    return Row(
        number=recorded.trial.number,
        cell=recorded.trial.cell,
        params=recorded.trial.params,
        outcome=recorded.finish.outcome if recorded.finish else None,
        score=report.metrics[spec.objective.metric] if report else None,
        step=report.step if report else 0,
        steps=len(recorded.reports),
        metrics=report.metrics if report else {},
    )


def results(spec: SweepSpec, folder: SweepFolder, recorded: Sequence[Recorded]) -> dict[str, Any]:
    """Everything that the sweep found, as plain values: what `--json` prints and results.json keeps."""
    rows = [row(spec, one) for one in recorded]
    return {
        "sweep": folder.name,
        "dataset": spec.data.name,
        "objective": spec.objective.metric,
        "trials": len(rows),
        "limited": spec.limit.model_dump(exclude_none=True),
        "resolved": dict(folder.frozen.resolved),
        "cells": [_cell(spec, rows, cell) for cell in range(len(spec.cells))],
    }


def winner(spec: SweepSpec, results: Mapping[str, Any]) -> int | None:
    """The number of the best trial of all cells in a sweep's results; None where nothing has a score."""
    found = [cell["best"] for cell in results["cells"] if cell["best"] is not None]
    sign = spec.objective.sign
    top = max(found, key=lambda entry: (entry["completed"], sign * entry["mean"]), default=None)
    return None if top is None else int(top["trial"])


def _cell(spec: SweepSpec, rows: Sequence[Row], cell: int) -> dict[str, Any]:
    found = best(rows, cell, spec.objective.sign)
    ended = {outcome.value: number for outcome, number in counts(rows, cell).items()}
    return {"cell": spec.cells[cell], "trials": sum(ended.values()), "outcomes": ended, "best": _best(spec, found)}


def _best(spec: SweepSpec, found: Best | None) -> dict[str, Any] | None:
    if found is None:
        return None
    row, cell = found.row, spec.cells[found.cell]
    return {
        "trial": row.number,
        "completed": found.complete,
        "params": {name: value for name, value in row.params.items() if name not in cell},
        spec.objective.metric: row.score,
        "mean": found.mean,
        "repeats": found.repeats,
        "epoch": row.step / spec.validations_per_epoch,
        "metrics": dict(row.metrics),
    }
