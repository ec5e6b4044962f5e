"""A sweep's trials, read back from their copy in MLflow: equal to the record's where MLflow is level with it."""

import json
from collections.abc import Sequence
from typing import Any

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.tracking.client import decode_infinity, find_trial_runs, identity_tags
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestScore, Trial, TrialEnd, TrialRecord

Rows = dict[int, dict[str, float]]

_TEST = "test/"  # what the names of metrics on the test split begin with


def read_trial_records(uri: str, spec: SweepSpec, sweep: str, id: str = "") -> list[TrialRecord]:
    """The trials of the sweep with this name and id, by number. Tracebacks, which are files there, are left out."""
    client, runs = find_trial_runs(uri, spec.dataset_spec.name, identity_tags(sweep, id))
    return [_recorded(client, spec, run) for run in runs]


def _recorded(client: Any, spec: SweepSpec, run: Any) -> TrialRecord:
    tags, info, hyperparameters = run.data.tags, run.info, run.data.params
    params = json.loads(tags["sweeper.params"])
    config = spec.train_config(params, seed=int(hyperparameters["seed"]), threads=int(hyperparameters["threads"]))
    number, system, attempt = (int(tags[f"sweeper.{name}"]) for name in ("trial", "system", "attempt"))
    confirms, repeat = (int(tags.get(f"sweeper.{name}", 0)) for name in ("source_trial", "seed_index"))
    names = sorted(run.data.metrics)
    rows, times = _rows(client, run, [name for name in names if not name.startswith(_TEST)])
    outcome = tags.get("sweeper.outcome")
    return TrialRecord(
        trial=Trial(number, system, params, config, attempt, confirms, repeat),
        reports=tuple(ValidationReport(step, step / spec.validations_per_epoch, rows[step]) for step in sorted(rows)),
        report_times=tuple(times[step] for step in sorted(rows)),
        started_at=info.start_time,
        end=TrialEnd(Outcome(outcome), tags["sweeper.reason"]) if outcome else None,
        ended_at=info.end_time if outcome else None,
        test=_test(client, run, [name for name in names if name.startswith(_TEST)]),
    )


def _test(client: Any, run: Any, names: Sequence[str]) -> TestScore | None:
    """What the model scored when it was scored for good: where there is no test split, nothing."""
    tested = run.data.tags.get("sweeper.tested")
    if not tested:
        return None
    rows, _ = _rows(client, run, names)
    place: dict[str, int] = json.loads(tested)
    return TestScore(**place, metrics=rows.get(place["step"], {}))


def _rows(client: Any, run: Any, names: Sequence[str]) -> tuple[Rows, dict[int, int]]:
    """The metrics of a run by these names, and when they came, by step."""
    rows: Rows = {}
    times: dict[int, int] = {}
    for name in names:
        for row in client.get_metric_history(run.info.run_id, name):
            rows.setdefault(row.step, {})[name] = decode_infinity(row.value)
            times[row.step] = row.timestamp
    return rows, times
