"""The winner of a sweep: the system that is best on validation with fresh seeds, and whether its lead stands.

The lead is that over the strongest other system on the test split; without a test split, on validation, where the
settings were chosen. It is measured by the objective's metric, or by accuracy (macro F1 where a text has any number of
labels) if systems cannot be compared by that. It stands under the rule for bold in the published table: the leads over
the strongest other system, and over all others that can be tested, are significant.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.protocol.finished_sweep import TestPredictions
from sweeper.protocol.statistics import Estimate, TextScores, pairwise_differences, selected_best_p
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import ConfirmationResult
from sweeper.protocol.text_scores import has_text_scores, text_scores
from sweeper.reporting.table.comparisons import ALPHA, MIN_SEEDS
from sweeper.reporting.table.metrics import table_metric
from sweeper.training.tasks import TASKS
from sweeper.wording import format_value

Predictions = Mapping[int, TestPredictions]  # of one split, by trial
Lines = list[tuple[str, str]]  # a label and a text each


@dataclass(frozen=True)
class Lead:
    """The winner's lead by `metric` over the system `other`, and p for the claim that it is better than all others.

    That is the largest p of its leads, and `least_certain` is the system that has it. If `other` is ahead, `p` is that
    of the difference. `difference` is None if the two cannot be compared. `seeds` are the scored ones of the system
    that has fewer.
    """

    other: int
    seeds: int
    metric: str
    difference: Estimate | None = None
    p: float = 1.0
    least_certain: int | None = None

    @property
    def stands(self) -> bool:
        """True if the lead is significant and rests on enough seeds: the rule for bold in the table."""
        is_ahead = self.difference is not None and table_metric(self.metric).sign * self.difference.mean > 0
        return is_ahead and self.p < ALPHA and self.seeds >= MIN_SEEDS


@dataclass(frozen=True)
class _SystemScores:
    """The scores of a system on the split on which the lead is measured.

    `mean` is over its scored seeds, None if there are none. `by_text` is None for fewer than two seeds, or if
    predictions of a scored seed are missing: then the system cannot be compared.
    """

    seeds: int
    mean: float | None
    by_text: TextScores | None


@dataclass(frozen=True)
class Winner:
    """The winning system by its index, its confirmed setting, and its lead; None if no other system was confirmed."""

    system: int
    confirmation: ConfirmationResult
    lead: Lead | None


def find_winner(results: SweepResults, predictions: Predictions) -> Winner | None:
    """Return the winner of a sweep; None if no setting was confirmed.

    `predictions` are those of the confirmed models, on the split on which the lead is measured.
    """
    confirmed = results.ranked_confirmations
    ranked = list(confirmed)
    if not ranked:
        return None
    best, *other_systems = ranked
    if not other_systems:
        return Winner(best, confirmed[best], None)
    metric = _lead_metric(results)
    scores = {system: _system_scores(confirmed[system], results, predictions, metric) for system in ranked}
    return Winner(best, confirmed[best], _find_lead(ranked, scores, metric))


def _lead_metric(results: SweepResults) -> str:
    """Return the metric of the objective if systems can be compared by it, else that of the task's table."""
    name = results.objective.removeprefix("validation/")
    return name if table_metric(name).is_compared else TASKS[results.task].table_metric


def _system_scores(
    confirmation: ConfirmationResult, results: SweepResults, predictions: Predictions, metric: str
) -> _SystemScores:
    scores = _seed_scores(confirmation, _lead_split(results), metric)
    stored = [predictions[trial] for trial in scores if trial in predictions]
    models = [model for model in stored if has_text_scores(model, metric)]
    can_be_compared = len(models) == len(scores) > 1
    return _SystemScores(
        seeds=len(scores),
        mean=statistics.fmean(scores.values()) if scores else None,
        by_text=text_scores(models, metric, results.labels) if can_be_compared else None,
    )


def _lead_split(results: SweepResults) -> str:
    """Return the split on which the lead is measured."""
    return "test" if results.test_split else "validation"


def _seed_scores(confirmation: ConfirmationResult, split: str, metric: str) -> dict[int, float]:
    """Return the finite scores of the models that a confirmed setting left, by trial."""
    models = confirmation.models
    metrics = {seed.trial: (seed.test or {}) if split == "test" else seed.metrics for seed in models}
    scores = {trial: values.get(f"{split}/{metric}", math.nan) for trial, values in metrics.items()}
    return {trial: score for trial, score in scores.items() if math.isfinite(score)}


def _find_lead(ranked: Sequence[int], scores: Mapping[int, _SystemScores], metric: str) -> Lead:
    """Return the lead over the strongest of the others; without figures if the two cannot be compared."""
    best, *other_systems = ranked
    sign = table_metric(metric).sign
    means = {system: scores[system].mean for system in other_systems}
    signed_means = {system: -math.inf if mean is None else sign * mean for system, mean in means.items()}
    rival = max(other_systems, key=signed_means.__getitem__)
    seeds = min(scores[best].seeds, scores[rival].seeds)
    by_text = {system: texts for system in ranked if (texts := scores[system].by_text) is not None}
    by_text = {system: texts for system, texts in by_text.items() if system in (best, rival) or len(texts) >= MIN_SEEDS}
    if best not in by_text or rival not in by_text:
        return Lead(rival, seeds, metric)
    leads = {
        system: pairwise_differences([by_text[best], texts])[0, 1]
        for system, texts in by_text.items()
        if system != best
    }
    if sign * leads[rival].mean <= 0:
        return Lead(rival, seeds, metric, leads[rival], leads[rival].p, rival)
    p = selected_best_p(leads.values())
    least_certain = rival if leads[rival].p == p else next(system for system, lead in leads.items() if lead.p == p)
    return Lead(rival, seeds, metric, leads[rival], p, least_certain)


def winner_lines(winner: Winner | None, results: SweepResults, names: Sequence[str]) -> Lines:
    """Return the winner's name and the lines that describe it; none without a winner."""
    return [("winner", names[winner.system]), *describe_winner(winner, results, names)] if winner else []


def describe_winner(winner: Winner, results: SweepResults, names: Sequence[str]) -> Lines:
    """Return lines that describe a winner: its setting, its scores and its lead. `names` are those of the systems."""
    confirmation, metric = winner.confirmation, results.objective.removeprefix("validation/")
    params = ", ".join(f"{name} {format_value(value)}" for name, value in confirmation.params.items())
    validation = [seed.metrics for seed in confirmation.models if seed.metrics]
    test = [seed.test for seed in confirmation.models if seed.test]
    lines = [
        ("setting", f"{params or 'nothing was searched'} (trial {confirmation.source_trial})"),
        ("validation", _describe_scores([scores[f"validation/{metric}"] for scores in validation], metric)),
    ]
    if test:
        lines.append(("test", _describe_scores([scores[f"test/{metric}"] for scores in test], metric)))
    return [
        *lines,
        *_describe_ties(winner, results, names),
        ("lead", _describe_lead(winner.lead, names, _lead_split(results))),
    ]


def _describe_ties(winner: Winner, results: SweepResults, names: Sequence[str]) -> Lines:
    """Return a line that names the systems with the same validation score as the winner; none without any."""
    tied_systems = [
        names[system]
        for system, confirmation in results.ranked_confirmations.items()
        if system != winner.system and confirmation.mean == winner.confirmation.mean
    ]
    if not tied_systems:
        return []
    verb = "has" if len(tied_systems) == 1 else "have"
    return [("tie", f"{', '.join(tied_systems)} {verb} the same score; the first in the search space is taken")]


def _describe_scores(scores: Sequence[float], name: str) -> str:
    """Return the mean and standard deviation of the finite scores: accuracy 55.6 ± 1.3 %, 3 fresh seeds."""
    metric, scores = table_metric(name), list(filter(math.isfinite, scores))
    if not scores:
        return f"{metric.label} undefined"
    mean, sd = statistics.fmean(scores), statistics.stdev(scores) if len(scores) > 1 else None
    if metric.definition.is_share:
        figure = f"{100 * mean:.1f}" + ("" if sd is None else f" ± {100 * sd:.1f}") + " %"
    else:
        figure = f"{mean:.4f}" + ("" if sd is None else f" ± {sd:.4f}")
    return f"{metric.label} {figure}, {len(scores)} fresh seed{'' if len(scores) == 1 else 's'}"


def _describe_lead(lead: Lead | None, names: Sequence[str], split: str) -> str:
    if lead is None:
        return "no other system was confirmed"
    rival = names[lead.other]
    if lead.difference is None:
        return f"not compared with {rival}: {_why_not_compared(lead, split)}"
    difference = lead.difference
    metric = table_metric(lead.metric)
    mean, low, high = map(metric.format_difference, (difference.mean, difference.low, difference.high))
    chance = f"95 % interval {low} to {high}, p {_format_p(difference.p)}"
    points = f"{mean} {'points of ' if metric.definition.is_share else ''}{split} {metric.label}"
    return f"{points} over {rival} ({chance}): {_verdict(lead, names, split)}"


def _why_not_compared(lead: Lead, split: str) -> str:
    if lead.seeds > 1:
        return "predictions are missing"
    needed = f"that needs at least two fresh seeds of both, with a {split} score"
    return needed if lead.seeds else f"one of the two has no {split} score"


def _format_p(p: float) -> str:
    """Return p with as many digits as it takes to stay on its side of the significance level, at least two."""
    if p < 0.001:
        return "below 0.001"
    texts = (f"{p:.{digits}g}" for digits in range(2, 18))
    return next(text for text in texts if (float(text) < ALPHA) == (p < ALPHA))


def _verdict(lead: Lead, names: Sequence[str], split: str) -> str:
    """Return whether the lead stands. If only the lead over a third system may be chance, it is named with its p."""
    assert lead.difference is not None
    if table_metric(lead.metric).sign * lead.difference.mean < 0:
        return f"{names[lead.other]} is ahead on {split}, so the order is open"
    if lead.stands:
        return "the lead stands" if split == "test" else "the lead stands on validation, where the settings were chosen"
    if lead.p < ALPHA:
        return f"too few seeds for a verdict, at least {MIN_SEEDS} are needed"
    if lead.least_certain is not None and lead.difference.p < ALPHA:
        return f"the lead over {names[lead.least_certain]} may be chance (p {_format_p(lead.p)})"
    return "the lead may be chance"
