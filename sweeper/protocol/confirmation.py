"""Which settings are confirmed, which of them wins, and whose models may see the test split: functions of the record.

The search chooses on validation, and the best of many is chosen for its luck too. So the best settings of each cell
are trained again with seeds that chose nothing; where several are, their mean on validation decides; and the models of
the one that wins are scored on the test split.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.protocol.ranking import best_report, rank_settings, score_trial, setting_key
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialRecord

WITH_MODEL = (Outcome.COMPLETED, Outcome.COLLAPSED)  # ends of a training that leave a model


@dataclass(frozen=True)
class Candidate:
    """A setting that is confirmed: the trial of the search that has it, its mean there, and its seeds so far."""

    trial: Trial
    search_mean: float
    seeds: tuple[TrialRecord, ...]

    def scores(self, spec: SweepSpec) -> list[float]:
        """The best validation of each seed that has one."""
        reports = (best_report(spec, one) for one in self.seeds)
        return [report.metrics[spec.objective.metric] for report in reports if report is not None]


def candidates(spec: SweepSpec, recorded: Sequence[TrialRecord], system: int) -> list[Candidate]:
    """The settings of a cell that shall be confirmed, the best of the search first; none where nothing completed."""
    if not spec.confirm.seeds:
        return []
    rows = [score_trial(spec, one) for one in recorded if not one.trial.source_trial]
    trials = {one.trial.number: one.trial for one in recorded}
    best = rank_settings(rows, system, spec.objective.sign)[: spec.confirm.top]
    return [Candidate(trials[one.row.number], one.mean, _seeds(spec, recorded, trials[one.row.number])) for one in best]


def _seeds(spec: SweepSpec, recorded: Sequence[TrialRecord], of: Trial) -> tuple[TrialRecord, ...]:
    """The fresh seeds of a setting that are recorded, of those that the spec asks for."""
    same = (one for one in recorded if one.trial.source_trial and one.trial.system == of.system)
    found = (one for one in same if setting_key(one.trial.params) == setting_key(of.params))
    return tuple(one for one in found if one.trial.seed_index <= spec.confirm.seeds)


def pending(spec: SweepSpec, recorded: Sequence[TrialRecord]) -> list[tuple[Trial, int]]:
    """What is still to be trained: settings, and which of their fresh seeds."""
    found = []
    for system in range(len(spec.systems)):
        for candidate in candidates(spec, recorded, system):
            there = {one.trial.seed_index for one in candidate.seeds}
            wanted = range(1, spec.confirm.seeds + 1)
            found += [(candidate.trial, repeat) for repeat in wanted if repeat not in there]
    return found


def interrupted(recorded: Sequence[TrialRecord]) -> list[Trial]:
    """Trials that confirm and were cut off: they come to their end, though a larger budget may have found better."""
    return [one.trial for one in recorded if one.trial.source_trial and one.end is None]


def best_confirmed(spec: SweepSpec, recorded: Sequence[TrialRecord], system: int) -> Candidate | None:
    """The setting of a cell with the best mean over its fresh seeds; one that lost seeds comes after the others.

    None where nothing is confirmed, or something is still to be.
    """
    found = candidates(spec, recorded, system)
    if not found or any(len(one.seeds) < spec.confirm.seeds or not _over(one) for one in found):
        return None
    return max(found, key=lambda one: _rank(spec, one))


def _over(candidate: Candidate) -> bool:
    return all(one.end is not None for one in candidate.seeds)


def _rank(spec: SweepSpec, candidate: Candidate) -> tuple[int, float]:
    scores = candidate.scores(spec)
    whole = sum(one.end is not None and one.end.outcome == Outcome.COMPLETED for one in candidate.seeds)
    return whole, spec.objective.sign * statistics.fmean(scores) if scores else float("-inf")


def trials_to_score(spec: SweepSpec, recorded: Sequence[TrialRecord]) -> list[Trial]:
    """The winners' trials that have a model which was not scored yet."""
    winners = (best_confirmed(spec, recorded, system) for system in range(len(spec.systems)))
    seeds = (one for found in winners if found is not None for one in found.seeds)
    return [one.trial for one in seeds if one.test is None and _has_model(one)]


def best_model_trial(spec: SweepSpec, recorded: Sequence[TrialRecord]) -> TrialRecord | None:
    """Of the best confirmed setting of all cells, the seed that is best on validation; None where none is confirmed."""
    winners = [
        found for system in range(len(spec.systems)) if (found := best_confirmed(spec, recorded, system)) is not None
    ]
    best = max(winners, key=lambda one: _rank(spec, one), default=None)
    kept = [(best_report(spec, one), one) for one in best.seeds] if best else []
    models = [(report.metrics[spec.objective.metric], one) for report, one in kept if report and _has_model(one)]
    return max(models, key=lambda pair: spec.objective.sign * pair[0])[1] if models else None


def _has_model(one: TrialRecord) -> bool:
    return one.end is not None and one.end.outcome in WITH_MODEL
