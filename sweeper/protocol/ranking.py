"""Which setting of a cell is the best on validation: a pure function of what was recorded."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord


@dataclass(frozen=True)
class TrialScore:
    """A trial as a ranking sees it. `score` is its best validation, `metrics` are those of that validation.

    `step` is that validation's number, `steps` how many there were; `outcome` is None while it is not done.
    """

    number: int
    system: int
    params: Mapping[str, Scalar]
    outcome: Outcome | None
    score: float | None
    step: int
    steps: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class BestSetting:
    """The best setting of a cell: the mean score over the trials that ran it, and the best of these trials.

    `complete` is False where no trial of the cell completed, and the one that came furthest stands in.
    """

    system: int
    row: TrialScore
    mean: float
    repeats: int
    complete: bool


def best_report(spec: SweepSpec, recorded: TrialRecord) -> ValidationReport | None:
    """The report with the best finite value of the objective; the first of equals."""
    metric, sign = spec.objective.metric, spec.objective.sign
    finite = [report for report in recorded.reports if math.isfinite(report.metrics.get(metric, math.nan))]
    return max(finite, key=lambda report: sign * report.metrics[metric], default=None)


def score_trial(spec: SweepSpec, recorded: TrialRecord) -> TrialScore:
    """A recorded trial as a ranking sees it."""
    report = best_report(spec, recorded)
    return TrialScore(
        number=recorded.trial.number,
        system=recorded.trial.system,
        params=recorded.trial.params,
        outcome=recorded.end.outcome if recorded.end else None,
        score=report.metrics[spec.objective.metric] if report else None,
        step=report.step if report else 0,
        steps=len(recorded.reports),
        metrics=report.metrics if report else {},
    )


SettingKey = tuple[tuple[str, Scalar], ...]


def setting_key(params: Mapping[str, Scalar]) -> SettingKey:
    """What makes two trials replicates of each other."""
    return tuple(sorted(params.items()))


def rank_settings(rows: Sequence[TrialScore], system: int, sign: int) -> list[BestSetting]:
    """The settings of a cell that completed, the best by validation first; `sign` is -1 where less is better.

    Settings that ran more than once, with other seeds, are ranked by their mean; of equals, the one tried first.
    """
    settings: dict[SettingKey, list[TrialScore]] = {}
    for row in rows:
        if row.system == system and row.score is not None and row.outcome == Outcome.COMPLETED:
            settings.setdefault(setting_key(row.params), []).append(row)
    found = (
        BestSetting(system, max(runs, key=lambda row: sign * _score(row)), _mean(runs), len(runs), complete=True)
        for runs in settings.values()
    )
    return sorted(found, key=lambda one: -sign * one.mean)


def best_setting(rows: Sequence[TrialScore], system: int, sign: int) -> BestSetting | None:
    """The best setting of a cell by validation.

    Where nothing completed, the trial that came furthest is taken, and of these the best. None where no trial of the
    cell has a score.
    """
    found = rank_settings(rows, system, sign)
    if found:
        return found[0]
    scored = [row for row in rows if row.system == system and row.score is not None and row.outcome is not None]
    if not scored:
        return None
    furthest = max(scored, key=lambda row: (row.steps, sign * _score(row)))
    return BestSetting(system, furthest, _score(furthest), 1, complete=False)


def count_replicates(rows: Sequence[TrialScore], system: int) -> int:
    """How many trials of a cell ran a setting that another had run before."""
    own = [row for row in rows if row.system == system]
    return len(own) - len({setting_key(row.params) for row in own})


def count_outcomes(rows: Sequence[TrialScore], system: int) -> Counter[Outcome]:
    """How the trials of a cell ended."""
    return Counter(row.outcome for row in rows if row.system == system and row.outcome is not None)


def _score(row: TrialScore) -> float:
    return row.score if row.score is not None else float("nan")


def _mean(rows: Sequence[TrialScore]) -> float:
    return statistics.fmean(_score(row) for row in rows)
