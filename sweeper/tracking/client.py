"""MLflow: the window. How a sweep's runs are found in a store, and how a store is made.

One experiment per data set, a run per sweep, a child of it per trial of the search. What confirms is in one more child,
which has a child per confirmed trial. Their tags say whose they are, and of which stage.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

PARENT = 0  # the number of the sweep's own run
CONFIRMATION = -1  # and that of the run above the confirmed trials
_ABOVE = {"sweep": PARENT, "confirmation": CONFIRMATION}  # the stages of the runs that are no trial's
_STAGES = (*_ABOVE, "search", "confirm")
_INFINITE = 1.7976931348623157e308


def sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite store, None for a store of another kind."""
    kind, _, place = uri.partition("sqlite:///")
    return Path(place.partition("?")[0]) if place and not kind else None


def open_store(uri: str) -> Any:
    """A client of a store. A database file that is not there yet is made whole, or not at all.

    MLflow makes its tables one after the other, and cannot use a file whose making was cut off.
    """
    path = sqlite_path(uri)
    if path is not None and "?" not in uri and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.exists():
                making = path.with_name(f".{path.name}.making")
                for left in (making, making.with_name(f"{making.name}-journal")):
                    left.unlink(missing_ok=True)
                MlflowClient(tracking_uri=f"sqlite:///{making}").search_experiments()
                making.rename(path)
    return MlflowClient(tracking_uri=uri)


class ObservedClient:
    """A client of MLflow that calls `answered` after each answer."""

    def __init__(self, client: Any, answered: Callable[[], None]) -> None:
        self._client, self._answered = client, answered

    def __getattr__(self, request: str) -> Callable[..., Any]:
        def asked(*args: Any, **named: Any) -> Any:
            answer = getattr(self._client, request)(*args, **named)
            self._answered()
            return answer

        return asked


def identity_tags(sweep: str, id: str) -> dict[str, str]:
    """The tags that all runs of a sweep have, and those of no other."""
    return {"sweeper.sweep": sweep.rpartition("-")[2], **({"sweeper.id": id} if id else {})}


def find_trial_runs(uri: str, dataset: str, identity: Mapping[str, str]) -> tuple[Any, list[Run]]:
    """A client of the store, and the runs of a sweep's trials there by number; of several the one made first."""
    client = open_store(uri)
    experiment = client.get_experiment_by_name(dataset)
    found: dict[int, Run] = {}
    runs = search_sweep_runs(client, experiment.experiment_id, identity) if experiment else ()
    for run in sorted(runs, key=creation_order):
        found.setdefault(run_number(run), run)
    return client, [found[trial] for trial in sorted(found) if trial > PARENT]


def search_sweep_runs(client: Any, experiment: str, identity: Mapping[str, str]) -> Iterator[Run]:
    """The runs of a sweep, of every stage."""
    wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in identity.items())
    found = paginate(client.search_runs, [experiment], wanted, ViewType.ACTIVE_ONLY)
    return (run for run in found if run.data.tags.get("sweeper.stage") in _STAGES)


def paginate(request: Callable[..., Any], *args: Any) -> Iterator[Any]:
    """What MLflow answers to a request page by page, one after the other."""
    token = None
    while True:
        page = request(*args, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def run_number(run: Run) -> int:
    """The number of a run: its trial's, or PARENT or CONFIRMATION."""
    tags = run.data.tags
    return _ABOVE[tags["sweeper.stage"]] if tags["sweeper.stage"] in _ABOVE else int(tags["sweeper.trial"])


def creation_order(run: Run) -> tuple[int, str]:
    """What orders runs by when they were made. Their start is the trial's, and the same for all of a trial."""
    return int(run.data.tags.get("sweeper.created", 0)), run.info.run_id


def decode_infinity(stored: float) -> float:
    """A metric's value as it was sent: SQL stores make the largest double of inf."""
    return math.copysign(math.inf, stored) if abs(stored) >= _INFINITE else stored
