"""Access to an MLflow store: open it, and find the runs of a sweep in it.

Each data set, which is a name and the digest of its rows, has one experiment. A sweep has a run of its own, the parent,
with a child per trial of the search. The confirmed trials are children of one more run, the confirmation run, which is
a child of the parent too. Tags say which sweep and which stage a run belongs to.
"""

import glob
import math
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Run, ViewType
from sqlalchemy import Engine, event

from sweeper.atomic_write import flush_to_disk
from sweeper.tracking.data_identity import DataIdentity
from sweeper.tracking.database_file import watch
from sweeper.tracking.saved_view import VIEW_TAG, view_key

ROWS_TAG = "sweeper.rows"  # of an experiment and a run: the digest of the data set's rows
# Runs of a sweep are numbered: a trial's run by its trial, from 1, and the two parent runs as follows.
PARENT = 0  # the sweep's own run
CONFIRMATION = -1  # the parent of the confirmed trials' runs

_PARENT_STAGES = {"sweep": PARENT, "confirmation": CONFIRMATION}
_STAGES = (*_PARENT_STAGES, "search", "confirm")
_SQL_INFINITY = 1.7976931348623157e308  # the largest double


def sqlite_path(uri: str) -> Path | None:
    """Return the file of an SQLite store, or None if `uri` names a store of another kind."""
    prefix, _, path = uri.partition("sqlite:///")
    return Path(path.partition("?")[0]) if path and not prefix else None


def open_store(uri: str) -> Any:
    """Return a client for a store, and create the database file of an SQLite store if it is missing.

    MLflow creates its tables one by one, and cannot use a file in which some are missing. Therefore the file is
    created under another name, and renamed when it is complete.
    """
    path = sqlite_path(uri)
    if path is not None and "?" not in uri and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.exists():
                _create_database(path)
    if path is not None:
        watch(path)
    return MlflowClient(tracking_uri=uri)


def _create_database(path: Path) -> None:
    making = f".{path.name}.making"
    for leftover in path.parent.glob(f"{glob.escape(making)}*"):
        leftover.unlink(missing_ok=True)
    incomplete = path.with_name(f"{making}-{secrets.token_hex(4)}")  # MLflow keeps what it opened under a name
    with _unflushed_commits():
        MlflowClient(tracking_uri=f"sqlite:///{incomplete}").search_experiments()  # which creates the tables
    with incomplete.open("rb") as file:
        flush_to_disk(file.fileno())
    incomplete.rename(path)


@contextmanager
def _unflushed_commits() -> Iterator[None]:
    """Let new connections to SQLite commit without waiting for the disk.

    MLflow makes its tables in some hundred commits. Nobody reads the file before it has its name.
    """

    def stop_flushing(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", stop_flushing)
    try:
        yield
    finally:
        event.remove(Engine, "connect", stop_flushing)


def find_experiment(client: Any, dataset: DataIdentity) -> tuple[str, Any]:
    """Return the name of the data set's experiment, and the experiment, which is None if it is missing.

    An experiment that has other rows is passed over. The one that is returned may be deleted.
    """
    name, experiment = "", None
    for name in dataset.experiment_names:
        experiment = client.get_experiment_by_name(name)
        if experiment is None or not dataset.rows or experiment.tags.get(ROWS_TAG) in (None, dataset.rows):
            break
    return name, experiment


class ObservedClient:
    """An MLflow client that calls `on_answer` after each request that MLflow answered without an error."""

    def __init__(self, client: Any, on_answer: Callable[[], None]) -> None:
        self._client, self._on_answer = client, on_answer

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def request(*args: Any, **kwargs: Any) -> Any:
            answer = getattr(self._client, method)(*args, **kwargs)
            self._on_answer()
            return answer

        return request


def identity_tags(fingerprint: str, id: str) -> dict[str, str]:
    """Return the tags that all runs of a sweep have, and no other run: its fingerprint, and `id` if it has one."""
    return {"sweeper.sweep": fingerprint, **({"sweeper.id": id} if id else {})}


def find_trial_runs(uri: str, dataset: str, identity: Mapping[str, str]) -> tuple[Any, list[Run]]:
    """Return a client for the store, and the runs of a sweep's trials by number.

    If a trial has several runs, the one that was created first is returned.
    """
    client = open_store(uri)
    runs: list[Run] = []
    for experiment in paginate(client.search_experiments):
        if _is_of_dataset(experiment.name, dataset):
            runs += search_sweep_runs(client, experiment.experiment_id, identity)
    by_number: dict[int, Run] = {}
    for run in sorted(runs, key=creation_order):
        by_number.setdefault(run_number(run), run)
    return client, [by_number[number] for number in sorted(by_number) if number > PARENT]


def find_view(client: Any, experiment: str, identity: Mapping[str, str]) -> str:
    """Return the key of a sweep's saved view in an experiment, "" if there is none."""
    key = view_key(identity)
    return key if VIEW_TAG + key in client.get_experiment(experiment).tags else ""


def _is_of_dataset(experiment: str, dataset: str) -> bool:
    """Return True if an experiment may be that of a data set: data sets of one name have a digest in brackets."""
    return experiment == dataset or experiment.startswith(f"{dataset} (")


def search_sweep_runs(client: Any, experiment: str, identity: Mapping[str, str]) -> Iterator[Run]:
    """Yield the runs of a sweep, of every stage, without those that were damaged."""
    tag_filter = " and ".join(f"tags.`{name}` = '{value}'" for name, value in identity.items())
    runs = paginate(client.search_runs, [experiment], tag_filter, ViewType.ACTIVE_ONLY)
    return (run for run in runs if run.data.tags.get("sweeper.stage") in _STAGES and is_whole(run))


def is_whole(run: Run) -> bool:
    """Return True if a run has a place for its files, numbers in the tags that count, and its trial if it is one's."""
    tags = run.data.tags
    if not run.info.artifact_uri:
        return False
    trial = "0" if tags.get("sweeper.stage") in _PARENT_STAGES else tags.get("sweeper.trial", "")
    return all(text.isascii() and text.isdecimal() for text in (tags.get("sweeper.created", "0"), trial))


def paginate(request: Callable[..., Any], *args: Any) -> Iterator[Any]:
    """Yield everything that MLflow returns for a request, page by page."""
    token = None
    while True:
        page = request(*args, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def run_number(run: Run) -> int:
    """Return the number of a run: its trial's, or PARENT or CONFIRMATION."""
    tags = run.data.tags
    stage = tags["sweeper.stage"]
    return _PARENT_STAGES[stage] if stage in _PARENT_STAGES else int(tags["sweeper.trial"])


def creation_order(run: Run) -> tuple[int, str]:
    """Return a key that sorts runs by creation. MLflow's start time is the trial's, so all runs of a trial share it."""
    return int(run.data.tags.get("sweeper.created", 0)), run.info.run_id


def decode_infinity(stored: float) -> float:
    """Return a metric's value as it was logged: SQL stores replace infinity by the largest double."""
    return math.copysign(math.inf, stored) if abs(stored) >= _SQL_INFINITY else stored
