"""Builds the results of a sweep from its record: a pure function.

Each system has the best setting of its search, which was chosen on validation and is therefore optimistic, and its
confirmation with fresh seeds: the scores to publish.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.errors import RecordError
from sweeper.protocol.confirmation import Candidate, best_confirmed, candidates
from sweeper.protocol.learned_from import learned_from
from sweeper.protocol.ranking import (
    BestSetting,
    best_report,
    best_setting,
    count_outcomes,
    count_replicates,
    score_trial,
    setting_key,
)
from sweeper.protocol.search_budget import gpus_of
from sweeper.protocol.search_result import search_result
from sweeper.protocol.study_variance import study_variance
from sweeper.protocol.sweep_results import SweepResults, TestSplitInfo, TrialResult
from sweeper.protocol.system_results import CandidateResult, ConfirmationResult, SearchBest, SeedResult, SystemResult
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.trials.interfaces import Study
from sweeper.trials.search_session import SearchSession, session_at
from sweeper.trials.trial import TestAccess, TrialRecord


def results_of_study(spec: SweepSpec, folder: SweepFolder, study: Study) -> SweepResults:
    """Return the results of a sweep as its record has them now."""
    return build_results(spec, folder, study.all_trials(), study.test_accesses(), study.sessions())


def build_results(
    spec: SweepSpec,
    folder: SweepFolder,
    records: Sequence[TrialRecord],
    test_accesses: Sequence[TestAccess] = (),
    sessions: Sequence[SearchSession] = (),
) -> SweepResults:
    """Return the results of a sweep from its trials, its test accesses and the commands that searched."""
    manifest, test = folder.manifest, folder.manifest.splits.get("test")
    results = SweepResults(
        sweep=folder.name,
        id=manifest.id,
        dataset=spec.dataset_spec.name,
        source=spec.data_source,
        objective=spec.objective.metric,
        direction=spec.objective.direction,
        num_trials=sum(record.trial.is_of_search for record in records),
        subsample={split: rows["texts"] for split, rows in manifest.splits.items() if "of" in rows},
        resolved=dict(manifest.resolved),
        training=dict(spec.training),
        labels=list(manifest.labels),
        task=spec.dataset_spec.task,
        ordered_classes=spec.dataset_spec.label_order == tuple(manifest.labels),
        threads=manifest.threads,
        gpu=_gpus_of_a_trial(spec, records, sessions),
        test_split=None if test is None else TestSplitInfo(texts=test["texts"], digest=test["digest"]),
        class_counts={split: dict(summary.get("classes", {})) for split, summary in manifest.splits.items()},
        data_warnings=list(manifest.data_warnings),
        test_warnings=[] if test is None else list(test.get("warnings", [])),
        test_accesses=list(test_accesses),
        systems=[_system_result(spec, records, system) for system in range(len(spec.systems))],
        trial_results=[_trial_result(spec, record) for record in records],
        search=search_result(spec, records, sessions),
        learned_from=learned_from(folder),
    )
    return results.model_copy(update={"study_variance": study_variance(results)})


def stored_results(folder: SweepFolder) -> SweepResults | None:
    """Return the results in a sweep's folder; None if it is not finished.

    Also None if they cannot be read: they can be built from the record again.
    """
    text = folder.read_results()
    try:
        return None if text is None else SweepResults.parse(json.loads(text))
    except (ValueError, RecursionError, RecordError):
        return None


def _gpus_of_a_trial(spec: SweepSpec, records: Sequence[TrialRecord], sessions: Sequence[SearchSession]) -> float:
    """Return the GPUs that a trial had, whatever it asked for; of different numbers, the mean over the seconds."""
    default = sessions[-1].gpu if sessions else spec.resources.most_gpus
    seconds: dict[float, float] = {}
    for record in records:
        for report, at in zip(record.reports, record.report_times, strict=True):
            gpus = gpus_of(spec, report, session_at(sessions, at))
            seconds[gpus] = seconds.get(gpus, 0.0) + report.metrics.get("seconds", 0.0)
    if len(seconds) == 1 or not any(seconds.values()):
        return next(iter(seconds), default)
    return statistics.fmean(seconds, weights=seconds.values())


def _system_result(spec: SweepSpec, records: Sequence[TrialRecord], system: int) -> SystemResult:
    searched = [record for record in records if record.trial.system == system and record.trial.is_of_search]
    scores = [score_trial(spec, record) for record in searched]
    outcomes = count_outcomes(scores, system)
    return SystemResult(
        system=dict(spec.systems[system]),
        num_trials=sum(outcomes.values()),
        outcomes=outcomes,
        repeated=count_replicates(scores, system),
        raced=sum(bool(record.trial.race_of) and record.end is not None for record in searched),
        cloned=sum(bool(record.trial.clone_of) and record.end is not None for record in searched),
        epochs=_epochs(spec, searched),
        hours=_hours(searched),
        best=_search_best(spec, best_setting(scores, system, spec.objective.sign, shrinks=spec.race is not None)),
        confirmation=_confirmation(spec, records, system),
    )


def _search_best(spec: SweepSpec, best: BestSetting | None) -> SearchBest | None:
    if best is None:
        return None
    score = best.trial
    return SearchBest(
        trial=score.number,
        completed=best.completed,
        params=_searched_params(spec, score.params, best.system),
        score=None if score.score is None else _plain(score.score),
        mean=_plain(best.mean),
        shrunk_mean=None if best.shrunk_mean is None else _plain(best.shrunk_mean),
        repeats=best.repeats,
        epoch=score.step / spec.validations_per_epoch,
        metrics=_plain_metrics(score.metrics),
    )


def _confirmation(spec: SweepSpec, records: Sequence[TrialRecord], system: int) -> ConfirmationResult | None:
    """Return the confirmation of a system's winning setting, or None until it is decided."""
    winner = best_confirmed(spec, records, system)
    if winner is None:
        return None
    confirming = [record for record in records if record.trial.source_trial and record.trial.system == system]
    tested = {setting_key(record.trial.params) for record in confirming if record.test and record.test.metrics}
    mean, sd = _mean_and_sd(winner.scores(spec))
    return ConfirmationResult(
        source_trial=winner.trial.number,
        params=_searched_params(spec, winner.trial.params, system),
        planned_seeds=spec.confirm.seeds,
        top=spec.confirm.top,
        epochs=_epochs(spec, confirming),
        hours=_hours(confirming),
        search_mean=_plain(winner.search_mean),
        mean=mean,
        sd=sd,
        optimism=None if mean is None else _plain(spec.objective.sign * (winner.search_mean - mean)),
        tested_settings=len(tested),
        candidates=[_candidate_result(spec, candidate) for candidate in candidates(spec, records, system)],
        seeds=[_seed_result(spec, record) for record in sorted(winner.seeds, key=lambda seed: seed.trial.seed_index)],
    )


def _candidate_result(spec: SweepSpec, candidate: Candidate) -> CandidateResult:
    scores = candidate.scores(spec)
    mean, sd = _mean_and_sd(scores)
    return CandidateResult(source_trial=candidate.trial.number, mean=mean, sd=sd, seeds=len(scores))


def _seed_result(spec: SweepSpec, record: TrialRecord) -> SeedResult:
    result = _trial_result(spec, record)
    assert result.outcome is not None  # a setting is confirmed when all of its fresh seeds have ended
    return SeedResult(
        trial=result.number,
        seed=result.seed,
        outcome=result.outcome,
        reason=result.reason,
        epoch=result.epoch,
        metrics=result.metrics,
        test=result.test,
    )


def _trial_result(spec: SweepSpec, record: TrialRecord) -> TrialResult:
    trial, report = record.trial, best_report(spec, record)
    return TrialResult(
        number=trial.number,
        system=trial.system,
        stage=trial.stage,
        source_trial=trial.source_trial,
        clone_of=trial.clone_of,
        race_of=trial.race_of,
        params=dict(trial.params),
        seed=trial.config.seed,
        attempts=trial.attempt,
        outcome=record.outcome,
        reason=record.end.reason if record.end else "",
        score=_plain(report.metrics[spec.objective.metric]) if report else None,
        epoch=report.epoch if report else None,
        epochs=_epochs(spec, [record]),
        hours=_hours([record]),
        metrics=_plain_metrics(report.metrics) if report else {},
        test=_plain_metrics(record.test.metrics) if record.test and record.test.metrics else None,
    )


def _epochs(spec: SweepSpec, records: Sequence[TrialRecord]) -> float:
    return sum(len(record.reports) for record in records) / spec.validations_per_epoch


def _hours(records: Sequence[TrialRecord]) -> float:
    """Return the hours that training and validation took, summed over trials."""
    return sum(record.trained_seconds for record in records) / 3600


def _mean_and_sd(scores: Sequence[float]) -> tuple[float | None, float | None]:
    """Return mean and standard deviation (n - 1), as far as there are enough scores for them."""
    mean = _plain(statistics.fmean(scores)) if scores else None
    return mean, _plain(statistics.stdev(scores)) if len(scores) > 1 else None


def _searched_params(spec: SweepSpec, params: Mapping[str, Any], system: int) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in spec.systems[system]}


def _plain_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: _plain(metrics[name]) for name in sorted(metrics)}


def _plain(value: float) -> float:
    """Return a score as every store keeps it: a float, without negative zero."""
    return float(value) + 0.0
