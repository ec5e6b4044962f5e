"""A trial as its run in MLflow has it: name, note, tags, parameters and rows of metrics; `copied` reads it back.

Pure, and without MLflow. What may change of a run is in its tags; parameters and rows cannot be taken back.
"""

import json
from collections.abc import Mapping

from sweeper.training.types import ValidationReport
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial, TrialRecord

MetricRow = tuple[str, int, int, float]  # of a metric: its name, step, time in milliseconds since 1970, value

_LONGEST = 5000  # characters of a tag


def run_status(state: TrialRecord, sweep: RunStatus) -> RunStatus:
    """MLflow's status for a trial of a sweep with this status: one that has not ended runs, or was cut off."""
    if state.end is not None:
        return RunStatus.FINISHED if state.end.outcome.is_healthy else RunStatus.FAILED
    return RunStatus.RUNNING if sweep == RunStatus.RUNNING else RunStatus.KILLED


def name(trial: Trial) -> str:
    """What people call the run: `12 lcl all-MiniLM-L6-v2`, or `97 lcl all-MiniLM-L6-v2, seed 1 of trial 12`."""
    found = f"{trial.number} {trial.config.loss} {trial.config.encoder.rpartition('/')[2]}"
    return f"{found}, seed {trial.seed_index} of trial {trial.source_trial}" if trial.source_trial else found


def note(trial: Trial) -> str:
    """What the run's page says first: the setting, in the space's order."""
    values = {name: f"{value:.4g}" if isinstance(value, float) else str(value) for name, value in trial.params.items()}
    return " · ".join(f"**{name}** {text.rpartition('/')[2]}" for name, text in values.items())


def tags(state: TrialRecord) -> dict[str, str]:
    """The tags of a trial's run beside those that say whose it is: a run that has them has all rows of the state."""
    trial, finish = state.trial, state.end
    found = {
        "sweeper.trial": str(trial.number),
        "sweeper.system": str(trial.system),
        "sweeper.params": json.dumps(dict(trial.params), ensure_ascii=False),
        "sweeper.attempt": str(trial.attempt),
        "sweeper.reports": str(len(state.reports)),
    }
    if trial.source_trial:
        tested = json.dumps({"at": state.test.at, "step": state.test.step}) if state.test else ""
        found |= {
            "sweeper.source_trial": str(trial.source_trial), "sweeper.seed_index": str(trial.seed_index), "sweeper.tested": tested,
        }  # fmt: skip
    if finish is not None:
        found |= {"sweeper.outcome": finish.outcome.value, "sweeper.reason": finish.reason[:_LONGEST]}
    return found


def params(trial: Trial) -> dict[str, object]:
    """The parameters of a trial's run: what was searched first, for its page shows them in this order."""
    used = trial.config.active_params
    return {name: used[name] for name in trial.params if name in used} | used


def stringify(params: Mapping[str, object]) -> dict[str, str]:
    """Parameters as MLflow keeps them."""
    return {name: str(value) for name, value in params.items()}


def metric_rows(state: TrialRecord, sent: int = 0) -> list[MetricRow]:
    """The metrics of a trial, each with its step and when it came, without those of the reports that were `sent`."""
    test = [(ValidationReport(state.test.step, 0, state.test.metrics), state.test.at)] if state.test else []
    told = [*list(zip(state.reports, state.report_times, strict=True))[sent:], *test]
    return [(name, report.step, at, float(value)) for report, at in told for name, value in report.metrics.items()]


def comparable_rows(rows: list[MetricRow]) -> set[tuple[str, int, int, str]]:
    """Rows that can be compared: equal ones are equal here, NaN too."""
    return {(name, step, at, repr(value)) for name, step, at, value in rows}
