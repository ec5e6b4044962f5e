"""A trial as MLflow shows it: the name, note, tags, parameters and metric rows of its run.

Pure functions that do not import MLflow. Only tags can change once they are sent; MLflow keeps parameters and metric
rows for good.
"""

import json
from collections.abc import Iterable

from sweeper.tracking.metric_names import metric_key
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial, TrialRecord, describe_origin
from sweeper.wording import escape_markdown, show_controls

MetricRow = tuple[str, int, int, float]  # name, step, time in milliseconds since 1970, value

_MAX_TAG = 5000  # characters


def run_status(record: TrialRecord, sweep: RunStatus) -> RunStatus:
    """Return the status of a trial's run in a sweep with the status `sweep`.

    A trial that has not ended is RUNNING while the sweep is, and otherwise KILLED: it was interrupted.
    """
    if record.end is not None:
        return RunStatus.FINISHED if record.end.outcome.is_healthy else RunStatus.FAILED
    return RunStatus.RUNNING if sweep == RunStatus.RUNNING else RunStatus.KILLED


def run_name(trial: Trial) -> str:
    """Return the name of a run: `12 lcl all-MiniLM-L6-v2`, or `97 lcl all-MiniLM-L6-v2, seed 1 of trial 12`."""
    name = f"{trial.number} {trial.config.loss} {trial.config.encoder.rpartition('/')[2]}"
    origin = describe_origin(trial)
    return f"{name}, {origin}" if origin else name


def run_note(trial: Trial) -> str:
    """Return the text at the top of the run's page: the setting, in the order of the search space."""
    values = {name: f"{value:.4g}" if isinstance(value, float) else str(value) for name, value in trial.params.items()}
    short = {name: text.rpartition("/")[2] or text for name, text in values.items()}
    return " · ".join(f"**{name}** {escape_markdown(show_controls(text))}" for name, text in short.items())


def run_tags(record: TrialRecord) -> dict[str, str]:
    """Return the tags of a trial's run, except those that say which sweep it belongs to.

    They are sent with the last metrics. A run that has the tags of a record has all its metrics too.
    """
    trial, trial_end = record.trial, record.end
    tags = {
        "sweeper.trial": str(trial.number),
        "sweeper.system": str(trial.system),
        "sweeper.params": json.dumps(dict(trial.params), ensure_ascii=False),
        "sweeper.attempt": str(trial.attempt),
        "sweeper.reports": str(len(record.reports)),
    }
    if trial.source_trial:
        tags["sweeper.source_trial"] = str(trial.source_trial)
        tags["sweeper.seed_index"] = str(trial.seed_index)
        tags["sweeper.tested"] = _describe_test(record)
    if trial.clone_of:
        tags["sweeper.clone_of"] = str(trial.clone_of)
    if trial.bracket:
        tags["sweeper.bracket"] = str(trial.bracket)
    if trial.race_of:
        tags["sweeper.race_of"] = str(trial.race_of)
    if trial_end is not None:
        tags["sweeper.outcome"] = trial_end.outcome.value
        tags["sweeper.reason"] = trial_end.reason[:_MAX_TAG]
    return tags


def _describe_test(record: TrialRecord) -> str:
    """Return when the test split was scored, and at which step, as JSON; "" if it was not.

    A score without metrics is that of a sweep without a test split: nothing was tested.
    """
    if record.test is None or not record.test.metrics:
        return ""
    return json.dumps({"at": record.test.at, "step": record.test.step})


def run_params(trial: Trial) -> dict[str, str]:
    """Return the parameters of a trial's run as text: the searched ones first, because MLflow shows them in order."""
    active = trial.config.active_params
    searched = {name: active[name] for name in trial.params if name in active}
    return {name: str(value) for name, value in (searched | active).items()}


def metric_rows(record: TrialRecord, skip_reports: int = 0) -> list[MetricRow]:
    """Return the metrics of a trial, without those of its first `skip_reports` reports."""
    reports = zip(record.reports[skip_reports:], record.report_times[skip_reports:], strict=True)
    rows = [
        (metric_key(name), report.step, at, float(value))
        for report, at in reports
        for name, value in report.metrics.items()
    ]
    if record.test is not None:
        test = record.test
        rows += [(metric_key(name), test.step, test.at, float(value)) for name, value in test.metrics.items()]
    return rows


def comparable_rows(rows: Iterable[MetricRow]) -> set[tuple[str, int, int, str]]:
    """Return rows with their values as text, so that two rows with NaN compare equal."""
    return {(name, step, at, repr(value)) for name, step, at, value in rows}
