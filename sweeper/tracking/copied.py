"""A sweep's trials, read back from their copy in MLflow: equal to the record's where MLflow is level with it."""

import json
from collections.abc import Sequence
from typing import Any

from sweeper.outcome import Outcome
from sweeper.spec import SweepSpec
from sweeper.tracking.store import identity, stored, value
from sweeper.values import Finish, Recorded, Report, Test, Trial

Rows = dict[int, dict[str, float]]

_TEST = "test/"  # what the names of metrics on the test split begin with


def recorded(uri: str, spec: SweepSpec, sweep: str, id: str = "") -> list[Recorded]:
    """The trials of the sweep with this name and id, by number. Tracebacks, which are files there, are left out."""
    client, runs = stored(uri, spec.data.name, identity(sweep, id))
    return [_recorded(client, spec, run) for run in runs]


def _recorded(client: Any, spec: SweepSpec, run: Any) -> Recorded:
    tags, info, knobs = run.data.tags, run.info, run.data.params
    params = json.loads(tags["sweeper.params"])
    config = spec.config(params, seed=int(knobs["seed"]), threads=int(knobs["threads"]))
    number, cell, attempt = (int(tags[f"sweeper.{name}"]) for name in ("trial", "cell", "attempt"))
    confirms, repeat = (int(tags.get(f"sweeper.{name}", 0)) for name in ("confirms", "repeat"))
    names = sorted(run.data.metrics)
    rows, times = _rows(client, run, [name for name in names if not name.startswith(_TEST)])
    outcome = tags.get("sweeper.outcome")
    return Recorded(
        trial=Trial(number, cell, params, config, attempt, confirms, repeat),
        reports=tuple(Report(step, step / spec.validations_per_epoch, rows[step]) for step in sorted(rows)),
        times=tuple(times[step] for step in sorted(rows)),
        started=info.start_time,
        finish=Finish(Outcome(outcome), tags["sweeper.reason"]) if outcome else None,
        ended=info.end_time if outcome else None,
        test=_test(client, run, [name for name in names if name.startswith(_TEST)]),
    )


def _test(client: Any, run: Any, names: Sequence[str]) -> Test | None:
    """What the model scored when it was scored for good: where there is no test split, nothing."""
    tested = run.data.tags.get("sweeper.tested")
    if not tested:
        return None
    rows, _ = _rows(client, run, names)
    place: dict[str, int] = json.loads(tested)
    return Test(**place, metrics=rows.get(place["step"], {}))


def _rows(client: Any, run: Any, names: Sequence[str]) -> tuple[Rows, dict[int, int]]:
    """The metrics of a run by these names, and when they came, by step."""
    rows: Rows = {}
    times: dict[int, int] = {}
    for name in names:
        for row in client.get_metric_history(run.info.run_id, name):
            rows.setdefault(row.step, {})[name] = value(row.value)
            times[row.step] = row.timestamp
    return rows, times
