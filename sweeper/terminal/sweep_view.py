"""Shows one sweep that lies in a folder: its state, and how each trial ended."""

import math
from collections.abc import Sequence

from rich.table import Table

from sweeper.protocol.promotion import is_waiting
from sweeper.protocol.ranking import best_report
from sweeper.protocol.sweep_summary import SweepState, SweepSummary
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal import formatting
from sweeper.terminal.progress import SweepProgress
from sweeper.terminal.sparkline import PENDING, Scale, draw_validations
from sweeper.terminal.sweeps_table import format_age, format_bytes
from sweeper.trials.trial import TrialRecord, describe_origin
from sweeper.wording import count_noun, format_epoch

_NARROW, _WIDE = 80, 100  # columns below which the curve and the time, or the setting, are left out
_CURVE_LENGTH = 12  # columns


def state_line(summary: SweepSummary, now: float) -> str:
    """Return the state of a sweep in one line: finished, 12 trainings, began 3h ago, 47 kB."""
    ended, planned = summary.trainings_ended, summary.trainings_planned
    trainings = count_noun(ended, "training") if ended == planned else f"{ended} of {planned} trainings"
    age = format_age(now - summary.began_at / 1000)
    driver = f", driven by {summary.driver}" if summary.driver else ""
    return f"{summary.state}, {trainings}, began {age} ago, {format_bytes(summary.bytes)}{driver}"


def trials_table(spec: SweepSpec, records: Sequence[TrialRecord], state: SweepState, width: int) -> Table:
    """Return a table of all trials with their end and its reason, for a terminal of `width` columns."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("system", overflow="fold")
    table.add_column("end", no_wrap=True)
    for column in ("best", "epoch", *(("trained",) if width >= _NARROW else ())):
        table.add_column(column, justify="right", no_wrap=True)
    if width >= _NARROW:
        table.add_column("curve", no_wrap=True)
    table.add_column("why", overflow="fold")
    if width >= _WIDE:
        table.add_column("setting", overflow="fold")
    scale = _curve_scale(spec, records)
    for record in records:
        table.add_row(*_trial_row(spec, record, state, scale, width))
    return table


def curve_legend(spec: SweepSpec, records: Sequence[TrialRecord], width: int) -> str:
    """Return what the curves of `trials_table` show; "" where there are none."""
    scale = _curve_scale(spec, records)
    if scale is None or width < _NARROW:
        return ""
    to_come = f", {PENDING} to come" if any(record.end is None for record in records) else ""
    return f"{scale.describe(spec.objective.metric)}{to_come}"


def _curve_scale(spec: SweepSpec, records: Sequence[TrialRecord]) -> Scale | None:
    """Return the range of the objective over all trials, which their curves have in common."""
    span = SweepProgress(spec, {record.trial.number: record for record in records}).value_range()
    return Scale(*span) if span else None


def _draw_curve(spec: SweepSpec, record: TrialRecord, scale: Scale) -> str:
    values = {report.step: report.metrics.get(spec.objective.metric, math.nan) for report in record.reports}
    curve = draw_validations(values, record.trial.config.num_validations, (), scale, _CURVE_LENGTH)
    return curve.rstrip(PENDING) if record.end is not None else curve


def end_label(spec: SweepSpec, record: TrialRecord, state: SweepState) -> str:
    """Return how a trial ended; a trial without an end waits at a rung, or runs while a driver holds the sweep."""
    if record.end is not None:
        return record.end.outcome.label
    if is_waiting(spec, record):
        return "waiting"
    return "running" if state == SweepState.RUNNING else "interrupted"


def trial_reason(record: TrialRecord) -> str:
    """Return why a trial is there and why it ended, as far as that is not plain."""
    origin = ("" if record.trial.is_of_search else "fresh ") + describe_origin(record.trial)
    return "; ".join(filter(None, (origin, record.end.reason if record.end else "")))


def _trial_row(spec: SweepSpec, record: TrialRecord, state: SweepState, scale: Scale | None, width: int) -> list[str]:
    trial, best, metric = record.trial, best_report(spec, record), spec.objective.metric
    curve = _draw_curve(spec, record, scale) if scale else ""
    setting = formatting.format_params(formatting.searched_params(spec, trial.system, trial.params))
    return [
        str(trial.number),
        formatting.system_label(spec, trial.system),
        end_label(spec, record, state),
        formatting.format_score(best.metrics[metric] if best else None),
        format_epoch(best.epoch) if best else "-",
        *([formatting.format_trained(record), curve] if width >= _NARROW else []),
        trial_reason(record).removeprefix("stopped "),  # the column "end" says it
        *([setting] if width >= _WIDE else []),
    ]
