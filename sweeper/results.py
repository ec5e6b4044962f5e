"""What came of a sweep, as plain values: a pure function of the record."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.folder import SweepFolder
from sweeper.ports import Recorded, Report
from sweeper.ranking import Best, Row, best, counts
from sweeper.spec import SweepSpec


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
        spec.objective.metric: None if row.score is None else _plain(row.score),
        "mean": _plain(found.mean),
        "repeats": found.repeats,
        "epoch": row.step / spec.validations_per_epoch,
        "metrics": {name: _plain(row.metrics[name]) for name in sorted(row.metrics)},
    }


def _plain(value: float) -> float:
    """A figure as every store keeps it: a float, and no negative zero."""
    return float(value) + 0.0
