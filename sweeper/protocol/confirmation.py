"""Decides which settings are confirmed, which of them wins, and whose models see the test split: pure functions.

The search chooses on validation, and the best of many is partly the luckiest. So the best settings of each system are
trained again with fresh seeds, which chose nothing. Where several settings are confirmed, their mean on validation
decides. The models of the winner are then scored on the test split.
"""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.protocol.ranking import SettingKey, best_report, rank_settings, score_trial, setting_key
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialRecord


@dataclass(frozen=True)
class Candidate:
    """A setting that is confirmed: the search trial that has it, its mean in the search, and its fresh seeds."""

    trial: Trial
    search_mean: float
    seeds: tuple[TrialRecord, ...]

    def scores(self, spec: SweepSpec) -> list[float]:
        """Return the best validation of each seed that left a model. What others reached before they broke is none."""
        reports = (best_report(spec, record) for record in self.seeds if has_model(record))
        return [report.metrics[spec.objective.metric] for report in reports if report is not None]


def candidates(spec: SweepSpec, records: Sequence[TrialRecord], system: int) -> list[Candidate]:
    """Return the settings of a system to confirm, the best of the search first; none where nothing completed."""
    if not spec.confirm.seeds:
        return []
    scores = [score_trial(spec, record) for record in records if record.trial.is_of_search]
    trials = {record.trial.number: record.trial for record in records}
    best = rank_settings(scores, system, spec.objective.sign, shrinks=spec.race is not None)[: spec.confirm.top]
    return [
        Candidate(source, setting.mean, _fresh_seeds(spec, records, source))
        for setting in best
        for source in [trials[setting.trial.number]]
    ]


def _fresh_seeds(spec: SweepSpec, records: Sequence[TrialRecord], source: Trial) -> tuple[TrialRecord, ...]:
    """Return the recorded fresh seeds of a setting, of those that the spec asks for; of each the newest training."""
    of_system = (record for record in records if record.trial.source_trial and record.trial.system == source.system)
    key = setting_key(source.params)
    of_setting = (record for record in of_system if setting_key(record.trial.params) == key)
    newest = {record.trial.seed_index: record for record in of_setting if record.trial.seed_index <= spec.confirm.seeds}
    return tuple(newest.values())


def pending(spec: SweepSpec, records: Sequence[TrialRecord]) -> list[tuple[Trial, int]]:
    """Return what is still to be trained: trials of the search, each with the index of a fresh seed.

    If all fresh seeds of all systems were trained and none left a model, all of them are trained again. If such a
    second round was interrupted, its rest is trained.
    """
    confirmed = [candidate for system in range(len(spec.systems)) for candidate in candidates(spec, records, system)]
    seeds = range(1, spec.confirm.seeds + 1)
    wanted = [(candidate.trial, seed_index) for candidate in confirmed for seed_index in seeds]
    newest = {_seed_key(seed): seed for candidate in confirmed for seed in candidate.seeds}
    trainings = Counter(_seed_key(record) for record in records if record.trial.source_trial)
    counts = {key: trainings[key] for key in newest}
    is_lost = len(newest) == len(wanted) and not any(seed.end is None or has_model(seed) for seed in newest.values())
    rounds = max(counts.values(), default=1) + (is_lost and len(set(counts.values())) == 1)

    def is_pending(trial: Trial, seed_index: int) -> bool:
        key = (trial.system, setting_key(trial.params), seed_index)
        seed = newest.get(key)
        return seed is None or (seed.end is not None and not has_model(seed) and counts[key] < rounds)

    return [pair for pair in wanted if is_pending(*pair)]


def _seed_key(record: TrialRecord) -> tuple[int, SettingKey, int]:
    trial = record.trial
    return trial.system, setting_key(trial.params), trial.seed_index


def interrupted(records: Sequence[TrialRecord]) -> list[Trial]:
    """Return the interrupted trials of the confirmation.

    They are finished even if a larger budget has found a better setting meanwhile.
    """
    return [record.trial for record in records if record.trial.source_trial and record.end is None]


def best_confirmed(spec: SweepSpec, records: Sequence[TrialRecord], system: int) -> Candidate | None:
    """Return the setting of a system with the best mean over its fresh seeds.

    A setting that lost seeds comes after the others. None if nothing is confirmed, or the confirmation is not over.
    """
    confirmed = candidates(spec, records, system)
    if any(len(candidate.seeds) < spec.confirm.seeds or not _has_ended(candidate) for candidate in confirmed):
        return None
    return max(confirmed, key=lambda candidate: _rank(spec, candidate), default=None)


def _has_ended(candidate: Candidate) -> bool:
    return all(record.end is not None for record in candidate.seeds)


def _rank(spec: SweepSpec, candidate: Candidate) -> tuple[int, float]:
    completed = sum(record.outcome == Outcome.COMPLETED for record in candidate.seeds)
    return completed, _signed_mean(spec, candidate)


def _signed_mean(spec: SweepSpec, candidate: Candidate) -> float:
    """Return the mean over the seeds of a candidate, larger where it is better."""
    scores = candidate.scores(spec)
    return spec.objective.sign * statistics.fmean(scores) if scores else float("-inf")


def trials_to_score(spec: SweepSpec, records: Sequence[TrialRecord]) -> list[Trial]:
    """Return the winners' trials that have a model which was not scored yet."""
    winners = (best_confirmed(spec, records, system) for system in range(len(spec.systems)))
    seeds = (record for winner in winners if winner is not None for record in winner.seeds)
    return [record.trial for record in seeds if record.test is None and has_model(record)]


def best_model_trial(spec: SweepSpec, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Return the seed that is best on validation, of the sweep's winner: the system with the best mean over its seeds.

    None if nothing is confirmed, or no seed of that setting left a model.
    """
    confirmed = (best_confirmed(spec, records, system) for system in range(len(spec.systems)))
    winners = [candidate for candidate in confirmed if candidate is not None]
    best = max(winners, key=lambda candidate: _signed_mean(spec, candidate), default=None)
    reports = [(best_report(spec, record), record) for record in best.seeds] if best else []
    models = [
        (report.metrics[spec.objective.metric], record) for report, record in reports if report and has_model(record)
    ]
    return max(models, key=lambda pair: spec.objective.sign * pair[0])[1] if models else None


def has_model(record: TrialRecord) -> bool:
    """Return True if a trial has ended, and in a way that leaves a model."""
    return record.end is not None and record.end.outcome.leaves_model
