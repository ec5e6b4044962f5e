"""The summary values of a trial's run: all metrics of its best epoch, as `best/…`.

MLflow's list shows the last value of each metric, but the value of a trial is that of its best epoch. Whenever a
validation is the best so far, its metrics are sent a second time, under these names. So the last value of a `best/…`
metric is that of the best epoch. Pure functions that do not import MLflow.
"""

import math
from collections.abc import Iterator

from sweeper.tracking.metric_names import metric_key
from sweeper.tracking.trial_payload import MetricRow
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.types import ValidationReport
from sweeper.trials.trial import TrialRecord

PREFIX = "best/"
EPOCH = "best/epoch"


def best_rows(record: TrialRecord, objective: ObjectiveMetric, skip_reports: int = 0) -> list[MetricRow]:
    """Return the `best/…` rows of a trial, without those of its first `skip_reports` reports."""
    rows: list[MetricRow] = []
    for index, report in _new_bests(record, objective):
        if index >= skip_reports:
            at = record.report_times[index]
            rows += [
                (metric_key(PREFIX + name), report.step, at, float(value)) for name, value in report.metrics.items()
            ]
            rows.append((EPOCH, report.step, at, float(report.epoch)))
    return rows


def best_tags(record: TrialRecord, objective: ObjectiveMetric) -> dict[str, str]:
    """Return the tag that names the best validation so far; none before the first. A run that lacks it lacks rows."""
    steps = [report.step for _, report in _new_bests(record, objective)]
    return {"sweeper.best_step": str(steps[-1])} if steps else {}


def _new_bests(record: TrialRecord, objective: ObjectiveMetric) -> Iterator[tuple[int, ValidationReport]]:
    """Yield each report that is better than all before it, with its index. Of equal reports, the first stays best.

    With `average: last`, each report is the best until the next.
    """
    best = -math.inf
    for index, report in enumerate(record.reports):
        value = objective.sign * report.metrics.get(objective.metric, math.nan)
        if math.isfinite(value) and (value > best or record.trial.config.keeps_last):
            best = value
            yield index, report
