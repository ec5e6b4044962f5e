"""Ranks the settings of a system by validation: pure functions of what was recorded."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.protocol.shrinkage import shrink_means
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord

SettingKey = tuple[tuple[str, Scalar], ...]
FRESH_TRAININGS = ("training with a fresh seed", "trainings with fresh seeds")  # the noun, and its plural


@dataclass(frozen=True)
class TrialScore:
    """A trial as a ranking sees it: `score` is its best validation, with that validation's `metrics` and `step`.

    With `average: last`, it is the last one. `steps` is the number of its validations. `outcome` is None until it has
    ended.
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
    """The best setting of a system: the mean score over the trials that ran it, and the best of these trials.

    With racing, `shrunk_mean` is that mean shrunk towards the system's, by which settings are ranked.
    `completed` is False if no trial of the system completed, and the one that came furthest stands in.
    """

    system: int
    trial: TrialScore
    mean: float
    repeats: int
    completed: bool
    shrunk_mean: float | None = None


def best_report(spec: SweepSpec, record: TrialRecord) -> ValidationReport | None:
    """Return the report with the best finite value of the objective; of equal ones, the first.

    Where a training keeps its last weights (`average: last`), it is the last report with a finite value.
    """
    metric, sign = spec.objective.metric, spec.objective.sign
    finite = [report for report in record.reports if math.isfinite(report.metrics.get(metric, math.nan))]
    if record.trial.config.keeps_last:
        return finite[-1] if finite else None
    return max(finite, key=lambda report: sign * report.metrics[metric], default=None)


def score_trial(spec: SweepSpec, record: TrialRecord) -> TrialScore:
    """Return a trial's score for a ranking."""
    report = best_report(spec, record)
    return TrialScore(
        number=record.trial.number,
        system=record.trial.system,
        params=record.trial.params,
        outcome=record.outcome,
        score=report.metrics[spec.objective.metric] if report else None,
        step=report.step if report else 0,
        steps=len(record.reports),
        metrics=report.metrics if report else {},
    )


def setting_key(params: Mapping[str, Scalar]) -> SettingKey:
    """Return a key that is the same for two trials with the same setting."""
    return tuple(sorted(params.items()))


def rank_settings(scores: Sequence[TrialScore], system: int, sign: int, *, shrinks: bool = False) -> list[BestSetting]:
    """Return the settings of a system that completed, the best by validation first.

    `sign` is -1 where less is better. A setting that ran several times, with different seeds, is ranked by its mean;
    with `shrinks`, as for racing, by its mean shrunk towards that of all settings (shrinkage.py). Of equal settings,
    the one that was tried first comes first.
    """
    settings: dict[SettingKey, list[TrialScore]] = {}
    for score in scores:
        if score.system == system and score.score is not None and score.outcome == Outcome.COMPLETED:
            settings.setdefault(setting_key(score.params), []).append(score)
    values = [[_value(run) for run in runs] for runs in settings.values()]
    shrunk = shrink_means(values) if shrinks else [None] * len(values)
    best = [
        BestSetting(
            system,
            max(runs, key=lambda run: sign * _value(run)),
            _mean(runs),
            len(runs),
            completed=True,
            shrunk_mean=shrunk_mean,
        )
        for runs, shrunk_mean in zip(settings.values(), shrunk, strict=True)
    ]
    return sorted(best, key=lambda setting: _rank(setting, sign))


def _rank(setting: BestSetting, sign: int) -> tuple[float, float]:
    """Return a key that orders settings, the best first.

    Where settings do not differ beyond the noise, all shrunk means are equal. Then a better mean of more seeds counts.
    """
    if setting.shrunk_mean is None:
        return -sign * setting.mean, 0.0
    return -sign * setting.shrunk_mean, -sign * setting.repeats * (setting.mean - setting.shrunk_mean)


def best_setting(scores: Sequence[TrialScore], system: int, sign: int, *, shrinks: bool = False) -> BestSetting | None:
    """Return the best setting of a system by validation; None if no trial of the system has a score.

    If no trial completed, it is the setting of the trial with the most validations; of several, of the best one. What
    `shrinks` does is said at `rank_settings`.
    """
    ranked = rank_settings(scores, system, sign, shrinks=shrinks)
    if ranked:
        return ranked[0]
    ended = [
        score for score in scores if score.system == system and score.score is not None and score.outcome is not None
    ]
    if not ended:
        return None
    furthest = max(ended, key=lambda score: (score.steps, sign * _value(score)))
    return BestSetting(system, furthest, _value(furthest), 1, completed=False)


def count_replicates(scores: Sequence[TrialScore], system: int) -> int:
    """Return the number of a system's trials that ran a setting which another had run before."""
    of_system = [score for score in scores if score.system == system]
    return len(of_system) - len({setting_key(score.params) for score in of_system})


def count_outcomes(scores: Sequence[TrialScore], system: int) -> Counter[Outcome]:
    """Return the number of a system's trials by outcome."""
    return Counter(score.outcome for score in scores if score.system == system and score.outcome is not None)


def describe_outcomes(outcomes: Mapping[Outcome, int]) -> str:
    """Return the number of trials by outcome in words: 3 failed, 1 diverged."""
    return ", ".join(f"{count} {outcome.label}" for outcome, count in outcomes.items() if count)


def none_succeeded(number: int, noun: str, plural: str = "") -> str:
    """Return the sentence for so many without a success: none of the 3 trials succeeded."""
    return (
        f"the only {noun} did not succeed" if number == 1 else f"none of the {number} {plural or f'{noun}s'} succeeded"
    )


def _value(score: TrialScore) -> float:
    return score.score if score.score is not None else float("nan")


def _mean(scores: Sequence[TrialScore]) -> float:
    return statistics.fmean(_value(score) for score in scores)
