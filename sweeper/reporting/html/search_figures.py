"""What the search says: which settings were tried, how good they were, and what a larger budget would give."""

from collections.abc import Mapping, Sequence

import numpy as np

from sweeper.reporting.html.figure_data import (
    AlphaTauMap,
    AlphaTauPoint,
    BestCurve,
    ConfirmedScore,
    Expected,
    Optimism,
    Parallel,
    ParallelAxis,
)
from sweeper.reporting.html.report_data import ReportData
from sweeper.search_space.domains import Categorical, Domain, Float, Int
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord

_MACHINE = (Outcome.FAILED, Outcome.OUT_OF_MEMORY)  # ends that say more of the machine than of the setting
_NOT_ENDED = "not ended"
_ENDS = (*(outcome.label for outcome in Outcome), _NOT_ENDED)
_LISTED = 12  # values of a whole-number knob that still have room on an axis


def optimism(subject: ReportData) -> Optimism:
    """The score that the search promised for each confirmed cell, beside those of its fresh seeds."""
    rows = []
    for name, result in zip(subject.systems, subject.results.systems, strict=True):
        confirmation = result.confirmation
        if confirmation is not None:
            validation = [seed.metrics.get(f"validation/{subject.metric}") for seed in confirmation.seeds]
            test = [(seed.test or {}).get(f"test/{subject.metric}") for seed in confirmation.seeds]
            rows.append(ConfirmedScore(name, confirmation.search_mean, _known(validation), _known(test)))
    return Optimism(subject.metric, rows)


def _known(scores: Sequence[float | None]) -> list[float]:
    return [score for score in scores if score is not None]


def parallel(subject: ReportData) -> Parallel:
    """Every trial of the search, whatever became of it, by its cell, its knobs, its outcome and its score."""
    trials = subject.searched
    axes = [ParallelAxis("cell", [subject.systems[one.trial.system] for one in trials], subject.systems)]
    for hyperparameter in subject.spec.space.searched_hyperparameters():
        values = [one.trial.params.get(hyperparameter.name) for one in trials]
        axes.append(_axis(hyperparameter.name, values, [branch.domain for branch in hyperparameter.branches]))
    axes.append(
        ParallelAxis("outcome", ends := [_end(one) for one in trials], [end for end in reversed(_ENDS) if end in ends])
    )
    shown = [axis for axis in axes if len(set(axis.values)) > 1]
    scores = [subject.score(one) for one in trials]
    return Parallel(subject.spec.objective.metric, shown, scores, subject.spec.objective.sign > 0)


def _end(one: TrialRecord) -> str:
    return one.end.outcome.label if one.end else _NOT_ENDED


def _axis(name: str, values: Sequence[Scalar | None], domains: Sequence[Domain]) -> ParallelAxis:
    """A knob's axis: what can be listed is, and a range that is logarithmic somewhere is so everywhere."""
    if all(isinstance(domain, Categorical) or _short(domain) for domain in domains):
        listed = list(dict.fromkeys(value for domain in domains for value in domain.enumerate_values() or ()))
        return ParallelAxis(name, values, sorted(listed) if all(map(_number, listed)) else listed)
    log = any(isinstance(domain, Float) and domain.log for domain in domains)
    return ParallelAxis(name, values, range=_range(domains), log=log)


def _short(domain: Domain) -> bool:
    """Whether it is of whole numbers that have room on an axis."""
    return isinstance(domain, Int) and len(domain.enumerate_values()) <= _LISTED


def _number(value: Scalar) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _range(domains: Sequence[Domain]) -> tuple[float, float]:
    """The lowest and the highest value of all these."""
    ends = [end for domain in domains for end in _ends(domain)]
    return min(ends), max(ends)


def _ends(domain: Domain) -> Sequence[float]:
    if isinstance(domain, Categorical):
        return [float(value) for value in domain.values if _number(value)]
    return (domain.low, domain.high)


def importance_inputs(subject: ReportData, system: int) -> list[tuple[Mapping[str, tuple[Domain, Scalar]], float]]:
    """What the trials of a cell set, each value with what it was drawn from, and how good each was: more is better.

    A trial that diverged or collapsed is as bad as the worst, and so is one without a score. Those that failed or ran
    out of memory are left out, and those that have not ended.
    """
    sign, space = subject.spec.objective.sign, subject.spec.space
    ended = [one for one in subject.searched if one.trial.system == system and one.end]
    judged = [one for one in ended if one.end and one.end.outcome not in _MACHINE]
    scores = [subject.score(one) if one.end and one.end.outcome.is_healthy else None for one in judged]
    worst = min((sign * score for score in scores if score is not None), default=0.0)
    found: list[tuple[Mapping[str, tuple[Domain, Scalar]], float]] = []
    for one, score in zip(judged, scores, strict=True):
        branches = {
            hyperparameter.name: hyperparameter.active_branch({**space.fixed_values, **one.trial.params})
            for hyperparameter in space.searched_hyperparameters()
        }
        drawn = {name: (branch.domain, one.trial.params[name]) for name, branch in branches.items() if branch}
        found.append((drawn, worst if score is None else sign * score))
    return found


def alpha_tau_maps(subject: ReportData) -> list[AlphaTauMap]:
    """The trials by tau and alpha, for each cell in which both vary."""
    trials = {
        system: [one for one in subject.searched if one.trial.system == system]
        for system in range(len(subject.systems))
    }
    found = {system: points for system, ones in trials.items() if _vary(points := _points(subject, ones))}
    if not found:
        return []
    known = _known([point.score for points in found.values() for point in points])
    spec = subject.spec
    scores, taus, alphas = (
        (min(known, default=0), max(known, default=1)),
        _searched(spec, "tau"),
        _searched(spec, "alpha"),
    )
    more = spec.objective.sign > 0
    return [
        AlphaTauMap(subject.systems[k], spec.objective.metric, one, scores, taus, alphas, more)
        for k, one in found.items()
    ]


def _searched(spec: SweepSpec, name: str) -> tuple[float, float]:
    """The range in which a knob was searched."""
    hyperparameters = (
        hyperparameter for hyperparameter in spec.space.searched_hyperparameters() if hyperparameter.name == name
    )
    return _range([branch.domain for hyperparameter in hyperparameters for branch in hyperparameter.branches])


def _points(subject: ReportData, trials: Sequence[TrialRecord]) -> list[AlphaTauPoint]:
    found = []
    for one in trials:
        tau, alpha = one.trial.params.get("tau"), one.trial.params.get("alpha")
        if isinstance(tau, (int, float)) and isinstance(alpha, (int, float)):
            outcome = one.end.outcome if one.end else None
            found.append(AlphaTauPoint(one.trial.number, float(tau), float(alpha), subject.score(one), outcome))
    return found


def _vary(points: Sequence[AlphaTauPoint]) -> bool:
    return len({point.tau for point in points}) > 1 and len({point.alpha for point in points}) > 1


def expected_best_curves(subject: ReportData) -> Expected:
    """The expected best score of each cell after so many trials. One without a score counts as the worst."""
    lines = []
    for system, name in enumerate(subject.systems):
        ended = [one for one in subject.searched if one.trial.system == system and one.end is not None]
        scores = [subject.score(one) for one in ended]
        known = _known(scores)
        if known:
            worst = min(known) if subject.spec.objective.sign > 0 else max(known)
            every = [worst if score is None else score for score in scores]
            lines.append(BestCurve(name, expected_best(every, subject.spec.objective.sign)))
    return Expected(subject.spec.objective.metric, lines)


def expected_best(scores: Sequence[float], sign: int = 1) -> list[float]:
    """The expected best of n of these N scores, drawn with replacement, for n = 1 … N; with `sign` -1, less is better.

    With v_1 <= … <= v_N in order, P(best of n <= v_i) = (i / N)^n, and so

        E[best of n] = sum over i of v_i · ((i / N)^n - ((i - 1) / N)^n)

    Dodge et al., "Show Your Work: Improved Reporting of Experimental Results", EMNLP 2019, equations 2 to 4. It takes
    the trials as drawn at random; those that a sampler chose, or that were stopped early, are so only roughly.
    """
    values = np.sort(sign * np.asarray(scores, dtype=float))
    shares = np.arange(len(values) + 1) / len(values)  # (N + 1,)
    return [sign * float(values @ np.diff(shares**n)) for n in range(1, len(values) + 1)]
