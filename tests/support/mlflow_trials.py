"""Reads the trials of a sweep back from MLflow: they equal those of the record if MLflow is synced."""

import json
from collections.abc import Sequence
from typing import Any

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.tracking.client import decode_infinity, find_trial_runs, identity_tags
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestScore, Trial, TrialEnd, TrialRecord

MetricsByStep = dict[int, dict[str, float]]

_TEST = "test/"  # prefix of the metrics on the test split


def read_trial_records(uri: str, spec: SweepSpec, sweep: str, id: str = "") -> list[TrialRecord]:
    """Return the trials of the sweep with this name and id, by number, without tracebacks: those are files there."""
    client, runs = find_trial_runs(uri, spec.dataset_spec.name, identity_tags(sweep.rpartition("-")[2], id))
    return [_to_trial_record(client, spec, run) for run in runs]


def _to_trial_record(client: Any, spec: SweepSpec, run: Any) -> TrialRecord:
    tags, info, logged = run.data.tags, run.info, run.data.params
    params = json.loads(tags["sweeper.params"])
    config = spec.train_config(params, seed=int(logged["seed"]), threads=int(logged["threads"]))
    number, system, attempt = (int(tags[f"sweeper.{name}"]) for name in ("trial", "system", "attempt"))
    source_trial, seed_index = (int(tags.get(f"sweeper.{name}", 0)) for name in ("source_trial", "seed_index"))
    names = sorted(run.data.metrics)
    metrics, times = _read_metrics(client, run, [name for name in names if not name.startswith((_TEST, "best/"))])
    steps, outcome = sorted(metrics), tags.get("sweeper.outcome")
    return TrialRecord(
        trial=Trial(number, system, params, config, attempt, source_trial, seed_index),
        reports=tuple(ValidationReport(step, step / spec.validations_per_epoch, metrics[step]) for step in steps),
        report_times=tuple(times[step] for step in steps),
        started_at=info.start_time,
        end=TrialEnd(Outcome(outcome), tags["sweeper.reason"]) if outcome else None,
        ended_at=info.end_time if outcome else None,
        test=_read_test_score(client, run, [name for name in names if name.startswith(_TEST)]),
    )


def _read_test_score(client: Any, run: Any, names: Sequence[str]) -> TestScore | None:
    """Return the test score of a trial; without metrics if the data set has no test split, None if not scored."""
    tested = run.data.tags.get("sweeper.tested")
    if not tested:
        return None
    metrics, _ = _read_metrics(client, run, names)
    score: dict[str, int] = json.loads(tested)
    return TestScore(**score, metrics=metrics.get(score["step"], {}))


def _read_metrics(client: Any, run: Any, names: Sequence[str]) -> tuple[MetricsByStep, dict[int, int]]:
    """Return the metrics of a run with these names, and their times, by step."""
    metrics: MetricsByStep = {}
    times: dict[int, int] = {}
    for name in names:
        for row in client.get_metric_history(run.info.run_id, name):
            metrics.setdefault(row.step, {})[name] = decode_infinity(row.value)
            times[row.step] = row.timestamp
    return metrics, times
