"""Study variance: how often each system would have won, had its search drawn other trials.

A search is one draw of trials. Drawing n of the n trials of a system again, with replacement, gives another search. The
best completed trial of such a search would have been confirmed. A trial that ended without a score, because it failed
or diverged at once, is drawn too, and counts as the worst score of its system. The score of the best one is taken as
its validation score, corrected for the optimism that the fresh seeds of the system measured: minus the optimism if the
objective is maximized, plus it if it is minimized. The system with the best of these scores wins.

A system whose optimism is not known, because it is not confirmed, cannot be compared with one whose score was
corrected. So once any optimism is known, such systems are left out; until then, no score is corrected.

No random numbers are needed. For the n trials of a system, sorted from the best to the worst,

    P(trial k is the best of the draw) = ((n - k + 1) / n)^n - ((n - k) / n)^n

and the systems draw independently of each other. Sources: Efron, "Bootstrap Methods: Another Look at the Jackknife",
1979; for the best of n draws, Dodge et al., "Show Your Work", 2019.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from pydantic import Field

from sweeper.protocol.ranking import TrialScore, rank_settings, setting_key
from sweeper.protocol.result_model import ResultModel
from sweeper.trials.outcome import Outcome

if TYPE_CHECKING:
    from sweeper.protocol.sweep_results import SweepResults, TrialResult

Distribution = Mapping[float, float]  # the probability of each score of a system's winner; larger scores are better


class _Rival:
    """The chances of another system's score to be below a given one, and to equal it."""

    def __init__(self, scores: Distribution) -> None:
        self._scores, self._sorted = scores, sorted(scores)
        self._below = [0.0, *accumulate(scores[score] for score in self._sorted)]

    def chances(self, score: float) -> tuple[float, float]:
        """Return the probabilities of a lower score, and of this one."""
        return self._below[bisect_left(self._sorted, score)], self._scores.get(score, 0.0)


class StudyVariance(ResultModel):
    """The fate of one system if every search draws its trials again."""

    trials: int = Field(description="trials of the system that have ended: what is drawn from")
    win_share: float = Field(description="share of the redrawn searches in which it wins; ties are divided")
    mean: float = Field(
        description="mean score of its winner, on validation, corrected for its search's optimism once any is known"
    )
    sd: float = Field(description="standard deviation of that score over redrawn searches")


def study_variance(results: "SweepResults") -> list[StudyVariance | None]:
    """Return the study variance of each system; None for a system without a score.

    Also None for a system whose optimism is not known where that of another is.
    """
    distributions = [_winner_scores(results, system) for system in range(len(results.systems))]
    shares = win_shares([scores for scores in distributions if scores])
    return [
        _summary(scores, shares.pop(0), _count_drawn(results, system), results.sign) if scores else None
        for system, scores in enumerate(distributions)
    ]


def deducts_optimism(results: "SweepResults") -> bool:
    """Return True if the optimism of any system is known.

    Scores are corrected for it then, and systems without it are left out.
    """
    return any(confirmation.optimism is not None for confirmation in results.confirmations)


def best_of_draws(scores: Sequence[float]) -> Distribution:
    """Return the distribution of the first of n scores that a draw of n with replacement contains.

    `scores` are in the order of preference.
    """
    count, probabilities = len(scores), defaultdict[float, float](float)
    for k, score in enumerate(scores):
        probabilities[score] += ((count - k) / count) ** count - ((count - k - 1) / count) ** count
    return probabilities


def win_shares(systems: Sequence[Distribution]) -> list[float]:
    """Return how often each of several systems has the largest score. Equal largest scores share the win."""
    rivals = [_Rival(scores) for scores in systems]
    return [
        math.fsum(
            probability * _share([*rivals[:system], *rivals[system + 1 :]], score)
            for score, probability in scores.items()
        )
        for system, scores in enumerate(systems)
    ]


def _share(others: Sequence[_Rival], score: float) -> float:
    """Return the expected share of a win with this score: 1 / (1 + number of equal ones), 0 if another is better."""
    by_ties = [1.0]  # the probability of each number of others with the same score, and none with a better one
    for other in others:
        worse, equal = other.chances(score)
        by_ties = [a * worse + b * equal for a, b in zip([*by_ties, 0.0], [0.0, *by_ties], strict=True)]
    return math.fsum(probability / (1 + ties) for ties, probability in enumerate(by_ties))


def _winner_scores(results: "SweepResults", system: int) -> Distribution:
    """Return the distribution of the score of a system's winner, with larger scores better; empty if it is left out.

    Settings are ranked as in the search: by their means over the trials that ran them, which racing shrinks. Trials of
    a race count for the means, but no search draws them.
    """
    confirmation = results.systems[system].confirmation
    optimism = confirmation.optimism if confirmation else None
    if optimism is None and deducts_optimism(results):
        return {}
    scores = _ranked_scores(results, system)
    return best_of_draws([score - (optimism or 0.0) for score in scores]) if scores else {}


def _ranked_scores(results: "SweepResults", system: int) -> list[float]:
    """Return the score of each trial that a search may draw, its setting's mean, in the order of preference.

    Nothing if no trial has a score; otherwise one without a score has that of the worst.
    """
    ended, best = _ended_trials(results, system), results.systems[system].best
    trials = [trial for trial in ended if trial.score is not None]
    shrinks = best is not None and best.shrunk_mean is not None
    settings = rank_settings([_trial_score(trial) for trial in trials], system, results.sign, shrinks=shrinks)
    ranks = {setting_key(setting.trial.params): rank for rank, setting in enumerate(settings)}
    drawn = [trial for trial in trials if not trial.race_of]
    completed = sorted(ranks[setting_key(trial.params)] for trial in drawn if trial.outcome == Outcome.COMPLETED)
    others = [trial.score for trial in drawn if trial.outcome != Outcome.COMPLETED and trial.score is not None]
    scores = [results.sign * settings[rank].mean for rank in completed]
    scores += sorted((results.sign * score for score in others), reverse=True)
    unscored = sum(trial.score is None and not trial.race_of for trial in ended)
    return scores + [min(scores)] * unscored if scores else []


def _trial_score(trial: "TrialResult") -> TrialScore:
    """Return a trial's score for a ranking of completed trials, which does not depend on the steps."""
    return TrialScore(
        number=trial.number,
        system=trial.system,
        params=trial.params,
        outcome=trial.outcome,
        score=trial.score,
        step=0,
        steps=0,
        metrics=trial.metrics,
    )


def _ended_trials(results: "SweepResults", system: int) -> "list[TrialResult]":
    """Return the ended trials of a system's search."""
    return [
        trial for trial in results.trial_results if trial.system == system and not trial.source_trial and trial.outcome
    ]


def _count_drawn(results: "SweepResults", system: int) -> int:
    return sum(not trial.race_of for trial in _ended_trials(results, system))


def _summary(scores: Distribution, share: float, trials: int, sign: int) -> StudyVariance:
    mean = math.fsum(score * probability for score, probability in scores.items())
    variance = math.fsum(probability * (score - mean) ** 2 for score, probability in scores.items())
    return StudyVariance(trials=trials, win_share=share, mean=sign * mean, sd=math.sqrt(variance))
