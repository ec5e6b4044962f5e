"""What came of a sweep, as plain values: a pure function of the record. It is what results.json keeps.

`cells` are the rows of the table. Each has the `best` of its search, chosen on validation and so an optimistic figure,
and in `confirm` what fresh seeds made of it: the figures to publish.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sweeper.protocol.confirmation import Candidate, best_confirmed, candidates
from sweeper.protocol.ranking import (
    BestSetting,
    best_report,
    best_setting,
    count_outcomes,
    count_replicates,
    score_trial,
    setting_key,
)
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.trials.trial import TestAccess, TrialRecord


def build_results(
    spec: SweepSpec, folder: SweepFolder, recorded: Sequence[TrialRecord], test_accesses: Sequence[TestAccess] = ()
) -> dict[str, Any]:
    """Everything that the sweep found, as plain values: what `--json` prints and results.json keeps."""
    frozen = folder.manifest
    return {
        "sweep": folder.name,
        "dataset": spec.dataset_spec.name,
        "objective": spec.objective.metric,
        "trials": sum(not one.trial.source_trial for one in recorded),
        "limited": spec.limit.model_dump(exclude_none=True),
        "resolved": dict(frozen.resolved),
        "training": dict(spec.training),
        "labels": list(frozen.labels),
        "threads": frozen.threads,
        "gpu": spec.resources.gpu,
        "test": dict(frozen.splits["test"]) if "test" in frozen.splits else None,
        "looks": [asdict(test_access) for test_access in test_accesses],
        "cells": [_system(spec, recorded, system) for system in range(len(spec.systems))],
    }


def best_trial_number(spec: SweepSpec, results: Mapping[str, Any]) -> int | None:
    """The number of the trial of the search that has the best setting of all cells; None where nothing has a score.

    Where settings were confirmed, their mean over fresh seeds decides.
    """
    sign = spec.objective.sign
    confirmed = [
        system["confirm"] for system in results["cells"] if system["confirm"] and system["confirm"]["mean"] is not None
    ]
    if confirmed:
        return int(max(confirmed, key=lambda entry: sign * entry["mean"])["confirms"])
    found = [system["best"] for system in results["cells"] if system["best"] is not None]
    top = max(found, key=lambda entry: (entry["completed"], sign * entry["mean"]), default=None)
    return None if top is None else int(top["trial"])


def _system(spec: SweepSpec, recorded: Sequence[TrialRecord], system: int) -> dict[str, Any]:
    searched = [one for one in recorded if one.trial.system == system and not one.trial.source_trial]
    rows = [score_trial(spec, one) for one in searched]
    ended = {outcome.value: number for outcome, number in count_outcomes(rows, system).items()}
    return {
        "cell": spec.systems[system],
        "trials": sum(ended.values()),
        "outcomes": ended,
        "repeated": count_replicates(rows, system),
        **_cost(spec, searched),
        "best": _best(spec, best_setting(rows, system, spec.objective.sign)),
        "confirm": _confirm(spec, recorded, system),
    }


def _cost(spec: SweepSpec, recorded: Sequence[TrialRecord]) -> dict[str, float]:
    """Epochs that were trained, and the hours that their training and validation took."""
    reports = [report for one in recorded for report in one.reports]
    seconds = sum(report.metrics.get("seconds", 0.0) for report in reports)
    return {"epochs": len(reports) / spec.validations_per_epoch, "hours": seconds / 3600}


def _best(spec: SweepSpec, found: BestSetting | None) -> dict[str, Any] | None:
    if found is None:
        return None
    row = found.row
    return {
        "trial": row.number,
        "completed": found.complete,
        "params": _tuned(spec, row.params, found.system),
        spec.objective.metric: None if row.score is None else _plain(row.score),
        "mean": _plain(found.mean),
        "repeats": found.repeats,
        "epoch": row.step / spec.validations_per_epoch,
        "metrics": _plain_metrics(row.metrics),
    }


def _confirm(spec: SweepSpec, recorded: Sequence[TrialRecord], system: int) -> dict[str, Any] | None:
    """What fresh seeds made of a cell's best setting, once that is decided."""
    won = best_confirmed(spec, recorded, system)
    if won is None:
        return None
    confirmed = [one for one in recorded if one.trial.source_trial and one.trial.system == system]
    tested = {setting_key(one.trial.params) for one in confirmed if one.test is not None and one.test.metrics}
    spread = _spread(won.scores(spec))
    return {
        "confirms": won.trial.number,
        "params": _tuned(spec, won.trial.params, system),
        "planned": spec.confirm.seeds,
        "top": spec.confirm.top,
        **_cost(spec, confirmed),
        "search": _plain(won.search_mean),
        **spread,
        "optimism": None
        if spread["mean"] is None
        else _plain(spec.objective.sign * (won.search_mean - spread["mean"])),
        "tested_settings": len(tested),
        "candidates": [_candidate(spec, one) for one in candidates(spec, recorded, system)],
        "seeds": [_seed(spec, one) for one in sorted(won.seeds, key=lambda one: one.trial.seed_index)],
    }


def _candidate(spec: SweepSpec, found: Candidate) -> dict[str, Any]:
    scores = found.scores(spec)
    return {"confirms": found.trial.number, **_spread(scores), "seeds": len(scores)}


def _spread(scores: Sequence[float]) -> dict[str, float | None]:
    """Mean and standard deviation (n - 1) of scores."""
    return {
        "mean": _plain(statistics.fmean(scores)) if scores else None,
        "sd": _plain(statistics.stdev(scores)) if len(scores) > 1 else None,
    }


def _seed(spec: SweepSpec, one: TrialRecord) -> dict[str, Any]:
    report = best_report(spec, one)
    return {
        "trial": one.trial.number,
        "seed": one.trial.config.seed,
        "outcome": one.end.outcome.value if one.end else None,
        "reason": one.end.reason if one.end else "",
        "epoch": report.epoch if report else None,
        "metrics": _plain_metrics(report.metrics) if report else {},
        "test": _plain_metrics(one.test.metrics) if one.test and one.test.metrics else None,
    }


def _tuned(spec: SweepSpec, params: Mapping[str, Any], system: int) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in spec.systems[system]}


def _plain_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: _plain(metrics[name]) for name in sorted(metrics)}


def _plain(value: float) -> float:
    """A figure as every store keeps it: a float, and no negative zero."""
    return float(value) + 0.0
