"""An audit of early stopping: the stopped trials that would have won, estimated from the curves of completed trials."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.protocol.ranking import best_report
from sweeper.reporting.html.report_data import ReportData
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord

_DRAWS = 2000
_MIN_CURVES = 3  # completed trials without which nothing is estimated


@dataclass(frozen=True)
class Audit:
    """The expected number of stopped trials that would have beaten the best trial of their system.

    `stopped` counts those that have a score, and a completed trial in their system. `low` and `high` are the ends of
    the 90 % interval. `at_least_one` is the probability of one or more. `completed` counts the curves that the estimate
    rests on.
    """

    stopped: int
    completed: int
    expected: float
    low: float
    high: float
    at_least_one: float


def audit_early_stopping(report: ReportData) -> Audit | str:
    """Return the audit of a search, or the reason why there is none, as a clause.

    A trial that was stopped after k validations is given the gain that a completed trial made from its best after k
    validations to its best of all. Each of 2,000 draws takes the completed trials with replacement, and from them one
    gain for each stopped trial. So the interval holds both the chance of a gain and that of few curves. The completed
    trials survived early stopping: if they improved more than the stopped ones would have, the estimate is too high.
    """
    sign = report.spec.objective.sign
    records = report.search_records
    stopped = [record for record in records if record.end and record.end.is_by_early_stopping]
    completed = [record for record in records if record.end and record.end.outcome == Outcome.COMPLETED]
    curves = [curve for curve in (_running_best(report, record, sign) for record in completed) if len(curve)]
    bests = _best_scores(report, completed, sign)
    gaps = [gap for gap in (_gap_to_best(report, record, bests, sign) for record in stopped) if gap]
    if not stopped:
        return "early stopping stopped no trial"
    if len(curves) < _MIN_CURVES:
        return f"fewer than {_MIN_CURVES} trials completed"
    if not gaps:
        return "no stopped trial has both a score and a completed trial in its system"
    gains_after = {k: [curve[-1] - curve[min(k, len(curve)) - 1] for curve in curves] for k in {k for k, _ in gaps}}
    gains = np.array([gains_after[k] for k, _ in gaps])  # of each completed trial, a column, for each stopped one
    wins = _draw_wins(gains, np.array([gap for _, gap in gaps]))
    low, high = np.quantile(wins, [0.05, 0.95])
    return Audit(len(gaps), len(curves), float(wins.mean()), float(low), float(high), float((wins > 0).mean()))


def _draw_wins(gains: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Return for each draw how many stopped trials would have won.

    `gains` has a row for each stopped trial and a column for each completed one; `gaps` is how far each stopped trial
    was behind.
    """
    generator = np.random.default_rng(0)
    stopped, completed = len(gaps), int(gains.shape[1])
    wins = np.zeros(_DRAWS, dtype=np.int64)
    for draw in range(_DRAWS):
        resampled = generator.integers(completed, size=completed)
        chosen = resampled[generator.integers(completed, size=stopped)]
        wins[draw] = (gains[np.arange(stopped), chosen] > gaps).sum()
    return wins


def _running_best(report: ReportData, record: TrialRecord, sign: int) -> Sequence[float]:
    """Return the value of a trial after each validation: its best score so far, or its last; higher is better."""
    metric = report.spec.objective.metric
    scores = [sign * validation.metrics[metric] for validation in record.reports if metric in validation.metrics]
    return scores if record.trial.config.keeps_last or not scores else list(np.maximum.accumulate(scores))


def _best_scores(report: ReportData, completed: Sequence[TrialRecord], sign: int) -> dict[int, float]:
    """Return the best score of the completed trials by system; higher is better. A system without a score is absent."""
    bests: dict[int, float] = {}
    for record in completed:
        score, system = report.score(record), record.trial.system
        if score is not None:
            bests[system] = max(sign * score, bests.get(system, -math.inf))
    return bests


def _gap_to_best(
    report: ReportData, record: TrialRecord, bests: Mapping[int, float], sign: int
) -> tuple[int, float] | None:
    """Return the validations of a stopped trial that have a score, and how far it was behind its system's best trial.

    `bests` has the score of that trial. The contrastive phase of a two-phase loss has no score, and `_running_best`
    leaves its validations out as well.
    """
    metric = report.spec.objective.metric
    best = best_report(report.spec, record)
    if best is None or record.trial.system not in bests:
        return None
    scored = sum(metric in validation.metrics for validation in record.reports)
    return scored, bests[record.trial.system] - sign * best.metrics[metric]
