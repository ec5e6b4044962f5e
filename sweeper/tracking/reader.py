"""What is asked of an MLflow store to read finished sweeps: runs by stage, the files of a run, and models' answers.

Whatever MLflow's client raises is one line here. A file is held against the digest that its run has of it; one of a
store on this machine is read where it lies.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from sweeper.errors import RecordError, SweeperError, UsageError
from sweeper.protocol.finished_sweep import TestPredictions
from sweeper.tracking.artifacts import TAG
from sweeper.tracking.client import open_store, paginate, sqlite_path
from sweeper.tracking.outage import describe_error, redact_uri
from sweeper.training.types import Predictions

ANSWERS = "predictions/test.parquet"
Read = Callable[[Path, tuple[str, ...]], Predictions]


class StoreReader:
    """An MLflow store that is read. Every method raises SweeperError where MLflow does not answer."""

    def __init__(self, uri: str) -> None:
        """Raises UsageError where `uri` is a database file that is not there: reading makes none."""
        self.place = redact_uri(uri)
        file = sqlite_path(uri)
        if file is not None and not file.exists():
            raise UsageError(f"{file}: there is no MLflow store; name another with --sweeps or MLFLOW_TRACKING_URI")
        self._client: Any = self._asked(open_store)(uri)

    def _asked(self, request: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*args: Any, **named: Any) -> Any:
            try:
                return request(*args, **named)
            except Exception as error:  # MLflow's own, its database's, its transport's
                raise SweeperError(f"MLflow at {self.place}: {describe_error(error)}; nothing was read") from error

        return asked

    def experiments(self, names: Sequence[str]) -> list[str]:
        """The ids of the experiments with these names, or of all. Raises UsageError for a name that none has."""
        found = {one.name: str(one.experiment_id) for one in self._pages("search_experiments")}
        for name in names:
            if name not in found:
                there = ", ".join(sorted(found)) or "none"
                raise UsageError(f"--experiment {name}: MLflow at {self.place} has no such experiment; it has {there}")
        return [found[name] for name in names] if names else list(found.values())

    def runs(self, experiments: Sequence[str], stage: str) -> list[Any]:
        """Every run of a stage of ours in these experiments, each once; runs of others are none."""
        found = self._pages("search_runs", list(experiments), f"tags.`sweeper.stage` = '{stage}'")
        return list({run.info.run_id: run for run in found if _ours(run)}.values()) if experiments else []

    def _pages(self, request: str, *args: Any) -> Iterator[Any]:
        return paginate(self._asked(getattr(self._client, request)), *args)

    @contextmanager
    def opened(self, run: Any, name: str) -> Iterator[Path | None]:
        """The place on this machine of a file of a run; None where the run has none, or it is gone.

        Raises RecordError where it is not what the run says it is.
        """
        digest = list_artifacts(run).get(name)
        with ExitStack() as stack:
            place = self._place(run, name, stack) if digest else None
            if place is not None and not hashlib.sha256(place.read_bytes()).hexdigest().startswith(str(digest)):
                raise RecordError(
                    f"MLflow at {self.place}: {name} of run {run.info.run_id} was altered: it is not what was sent. "
                    "Delete that run, and sweeper sync SWEEP sends it again"
                )
            yield place

    def _place(self, run: Any, name: str, stack: ExitStack) -> Path | None:
        """Where a file lies, or was fetched to until `stack` is closed."""
        uri = urlparse(run.info.artifact_uri)
        if uri.scheme in ("", "file"):
            place = Path(unquote(uri.path)) / name
            return place if place.is_file() else None
        listed = self._asked(self._client.list_artifacts)(run.info.run_id, name.rpartition("/")[0] or None)
        if name not in [file.path for file in listed]:
            return None
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        return Path(self._asked(self._client.download_artifacts)(run.info.run_id, name, scratch))


class LazyPredictions(Mapping[int, TestPredictions]):
    """What confirmed models answered, by trial, read when asked for; a trial without a file of answers is missing."""

    def __init__(self, store: StoreReader, runs: Mapping[int, Any], labels: tuple[str, ...], read: Read) -> None:
        self.store, self.labels, self.read = store, labels, read
        self.runs = {trial: run for trial, run in runs.items() if ANSWERS in list_artifacts(run)}

    def __getitem__(self, trial: int) -> TestPredictions:
        with self.store.opened(self.runs[trial], ANSWERS) as place:
            if place is None:
                raise KeyError(trial)
            found = self.read(place, self.labels)
        return TestPredictions(found.labels, found.classes)

    def __iter__(self) -> Iterator[int]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)


def list_artifacts(run: Any) -> Mapping[str, str]:
    """The digests of the files that a run has, as it says."""
    try:
        found = json.loads(run.data.tags.get(TAG, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _ours(run: Any) -> bool:
    """Whether a run has the tags that those of a sweep have, as they have them."""
    tags = run.data.tags
    numbers = [tags.get("sweeper.created", "0"), tags.get("sweeper.trial", "0")]
    return bool(tags.get("sweeper.sweep") and tags.get("sweeper.dataset")) and all(map(str.isdecimal, numbers))
