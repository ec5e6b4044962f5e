"""Makers of the MLflow stores that are there before a mistake: store/mlflow.db, or the one beside the sweeps."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from sweeper.app.mlflow_sync import sync_all
from sweeper.storage.sweep_folder import open_sweep
from sweeper.terminal.output import PlainOutput
from sweeper.trials.outcome import Outcome
from tests.support.fake_mlflow_stores import PARENT, FilledStore, create_empty_store
from tests.support.fake_results import sweep
from tests.support.recorded_sweeps import RecordedSweep


def _run_sql(statements: str, path: Path = Path("sweeps/mlflow.db")) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(statements)


def _filled(**options: Any) -> tuple[FilledStore, dict[int, str]]:
    """Make a store with a finished sweep that is nowhere else. Return it, and the ids of its runs by trial."""
    store = FilledStore.copy_of(create_empty_store(Path("empty")), Path("store").absolute())
    return store, store.add_sweep(sweep({"ce": [0.5, 0.6]}), **options)


def _empty() -> None:
    create_empty_store(Path("store"))


def _other_results(content: str) -> None:
    """Make a store whose sweep has other results, which MLflow has taken."""
    store, runs = _filled(results=False)
    store.add_file(runs[PARENT], "results.json", content.encode())


def _altered_results() -> None:
    """Make a store in which the results of a sweep were altered after their upload."""
    store, runs = _filled()
    path = store.path_of(runs[PARENT], "results.json")
    path.write_text(path.read_text(encoding="utf-8").replace("0.5", "0.9"), encoding="utf-8")


def _altered_score() -> None:
    store, runs = _filled()
    trial = next(trial for trial in runs if trial != PARENT)
    store.client.log_metric(runs[trial], "test/accuracy", 0.9, step=5)


def _deleted_experiment() -> str:
    """Make a finished sweep, and beside it a store in which its experiment was deleted."""
    create_empty_store(Path("sweeps"))
    store = FilledStore(f"sqlite:///{Path('sweeps/mlflow.db').absolute()}", Path())
    store.client.delete_experiment(store.experiment_id("sst5"))
    return _sweep()


def _sweep() -> str:
    return RecordedSweep(Path("sweeps")).search([Outcome.COMPLETED] * 4).finish().folder.name


def _unsent(statements: str) -> str:
    """Make a finished sweep, and beside it an empty store in which these statements were run."""
    create_empty_store(Path("sweeps"))
    _run_sql(statements)
    return _sweep()


def _sent(statements: str) -> str:
    """Make a small sweep, and beside it the store that has its runs, in which these statements were run."""
    create_empty_store(Path("sweeps"))
    recorded = RecordedSweep(Path("sweeps"), confirm={"seeds": 0}).search()
    sync_all(PlainOutput(progress=False), [open_sweep(recorded.folder.path)])
    _run_sql(statements)
    return recorded.folder.name


_RUN = (
    "INSERT INTO runs (run_uuid, name, experiment_id, lifecycle_stage) "
    "VALUES ('0123456789abcdef0123456789abcdef', 'mine', 0, 'active');"
)

STORES: Mapping[str, Callable[[], str | None]] = {
    "an empty store": _empty,
    "a store whose results were altered": _altered_results,
    "a store with a score that was altered": _altered_score,
    "a store with results that are no JSON": partial(_other_results, "{"),
    "a store with results that lack keys": partial(_other_results, '{"sweep": "sst5-1"}'),
    "a store with results of another sweep": lambda: _other_results(
        sweep({"ce": [0.5]}, "sst5-0000000b").results.to_json()
    ),
    "a deleted experiment": _deleted_experiment,
    "a run without a status": partial(_unsent, _RUN),
    "a store of another version": partial(_unsent, "UPDATE alembic_version SET version_num = 'bda7b8c39065'"),
    "a store without a column": partial(_unsent, "ALTER TABLE experiments RENAME COLUMN name TO title"),
    "a store that deletes no runs": partial(
        _sent, "CREATE TRIGGER kept BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'runs are kept'); END"
    ),
    "a store without a column of params": lambda: _run_sql(
        "ALTER TABLE params RENAME COLUMN value TO amount", _filled()[0].scratch / "mlflow.db"
    ),
    "a finished sweep and an empty store": partial(_unsent, ""),
}
