"""Shows one trial of a sweep: its setting, its curve, why it ended and against which others."""

import math
import time
from collections.abc import Iterator, Sequence

from rich.table import Table

from sweeper.protocol.promotion import is_out
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal import formatting
from sweeper.terminal.curve import Axes, draw_curve
from sweeper.terminal.deciding_rungs import rungs_of
from sweeper.trials.trial import TrialRecord
from sweeper.wording import format_epoch

_MAX_RIVALS = 5  # trials that are named
_METRICS = ("train/loss", "validation/loss", "validation/accuracy", "validation/macro_f1", "validation/micro_f1")


def trial_facts(spec: SweepSpec, record: TrialRecord) -> Iterator[str]:
    """Yield lines on a trial: its hyperparameters, seed, attempts and time."""
    trial = record.trial
    yield formatting.format_params(trial.params)
    attempts = f", attempt {trial.attempt}" if trial.attempt > 1 else ""
    bracket = f", bracket {trial.bracket} of {len(spec.brackets)}" if trial.bracket else ""
    yield f"seed {trial.config.seed}, up to {trial.config.total_epochs} epochs{bracket}{attempts}"
    moments = {"began": record.started_at, "ended": record.ended_at}
    times = [f"{what} {_format_moment(at)}" for what, at in moments.items() if at is not None]
    yield ", ".join([*times, *([f"trained {formatting.format_trained(record)}"] if record.reports else [])])


def _format_moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at / 1000))


def rivals_line(spec: SweepSpec, record: TrialRecord, records: Sequence[TrialRecord]) -> str:
    """Return the trials that a stopped trial was compared with: of its system and bracket, at the same rung.

    Where trials wait at rungs, they are all that reached it; otherwise those that did before.
    """
    end = record.end
    if end is None or not end.is_by_early_stopping or not record.reports:
        return ""
    last, at, metric = record.reports[-1], record.report_times[-1], spec.objective.metric
    is_ranked = bool(spec.pausing_rungs)
    compared = [
        (report.metrics[metric], rival.trial.number)
        for rival in records
        if (rival.trial.system, rival.trial.bracket) == (record.trial.system, record.trial.bracket)
        and rival.trial.is_of_search
        and not (is_ranked and (rival.trial.race_of or is_out(rival)))
        for report, moment in zip(rival.reports, rival.report_times, strict=True)
        if report.step == last.step and math.isfinite(report.metrics.get(metric, math.nan))
        if rival.trial.number != record.trial.number and (is_ranked or moment < at)
    ]
    if not compared:
        return ""
    best_first = sorted(compared, reverse=spec.objective.sign > 0)
    rivals = ", ".join(f"trial {number} {formatting.format_score(value)}" for value, number in best_first[:_MAX_RIVALS])
    if len(compared) > _MAX_RIVALS:
        rivals += f" and {len(compared) - _MAX_RIVALS} more"
    when = "" if is_ranked else " before it"
    return f"at epoch {format_epoch(last.epoch)}{when}: {rivals}"


def curve_lines(spec: SweepSpec, record: TrialRecord, records: Sequence[TrialRecord], width: int) -> list[str]:
    """Return the trial's curve; its axis is the range of the objective over all trials of the sweep."""
    metric = spec.objective.metric
    all_values = [report.metrics.get(metric, math.nan) for trial in records for report in trial.reports]
    finite = [value for value in all_values if math.isfinite(value)]
    values = [report.metrics.get(metric, math.nan) for report in record.reports]
    if not finite or not values:
        return []
    config = record.trial.config
    rungs = rungs_of(spec, record.trial)
    axes = Axes(min(finite), max(finite), config.num_validations, config.validations_per_epoch, rungs)
    return draw_curve(values, axes, width)


def reports_table(spec: SweepSpec, record: TrialRecord) -> Table:
    """Return the validations of a trial as a table, with the metrics that people look at."""
    reported = {name for report in record.reports for name in report.metrics}
    names = [name for name in dict.fromkeys((spec.objective.metric, *_METRICS)) if name in reported]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("epoch", *(name.removeprefix("validation/") for name in names)):
        table.add_column(column, justify="right", overflow="fold")
    for report in record.reports:
        scores = [formatting.format_score(report.metrics.get(name)) for name in names]
        table.add_row(format_epoch(report.epoch), *scores)
    return table
