"""Reads an MLflow store: the runs of a stage, the files of a run, and the test predictions of confirmed models.

Errors of MLflow's client become one line. A file is checked against the digest in its run's tag. Files of a store on
this machine are read in place.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from mlflow.entities import ViewType

from sweeper.errors import RecordError, SweeperError, UsageError
from sweeper.protocol.finished_sweep import TestPredictions
from sweeper.tracking.artifacts import listed_files
from sweeper.tracking.client import is_whole, open_store, paginate, sqlite_path
from sweeper.tracking.outage import redact_uri
from sweeper.tracking.store_address import check_address
from sweeper.tracking.store_check import check_store, describe_rejection
from sweeper.training.types import Predictions
from sweeper.wording import allowed_hint

TEST_PREDICTIONS = "predictions/test.parquet"
Read = Callable[[Path, tuple[str, ...]], Predictions]  # of a file of predictions, with the names of the classes


class StoreReader:
    """An MLflow store that is read. Every method raises SweeperError if MLflow does not answer."""

    def __init__(self, uri: str) -> None:
        """Connect to a store. Raises UsageError if `uri` is wrong, or names no database: none is created."""
        self.uri, self._address = redact_uri(uri), uri
        check_address(uri)
        path = sqlite_path(uri)
        if path is not None and not path.exists():
            raise UsageError(f"{path}: there is no MLflow store; name another with --sweeps or MLFLOW_TRACKING_URI")
        if outage := check_store(uri, will_write=False):
            raise SweeperError(f"MLflow at {self.uri}: {outage}; nothing was read")
        self._client: Any = self._with_one_line_errors(open_store)(uri)

    def _with_one_line_errors(self, request: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            try:
                return request(*args, **kwargs)
            except Exception as error:  # MLflow's, SQLAlchemy's or the HTTP library's
                reason = describe_rejection(self._address, error)
                raise SweeperError(f"MLflow at {self.uri}: {reason}; nothing was read") from error

        return wrapped

    def experiments(self, names: Sequence[str]) -> list[str]:
        """Return the ids of the experiments with these names, or of all. Raises UsageError for an unknown name."""
        ids = {experiment.name: str(experiment.experiment_id) for experiment in self._pages("search_experiments")}
        for name in names:
            if name not in ids:
                hint = allowed_hint(sorted(ids), name)
                raise UsageError(f"--experiment {name}: MLflow at {self.uri} has no such experiment, {hint}")
        return [ids[name] for name in names] if names else list(ids.values())

    def deleted_experiments(self) -> list[str]:
        """Return the names of the experiments that were deleted, whose runs nobody sees."""
        return [experiment.name for experiment in self._pages("search_experiments", ViewType.DELETED_ONLY)]

    def runs(self, experiments: Sequence[str], stage: str) -> list[Any]:
        """Return the runs of a stage in these experiments, each once, without those that sweeper did not create."""
        if not experiments:
            return []
        runs = self._pages("search_runs", list(experiments), f"tags.`sweeper.stage` = '{stage}'")
        return list({run.info.run_id: run for run in runs if _is_from_sweeper(run)}.values())

    def _pages(self, request: str, *args: Any) -> Iterator[Any]:
        return paginate(self._with_one_line_errors(getattr(self._client, request)), *args)

    @contextmanager
    def open_file(self, run: Any, name: str) -> Iterator[Path | None]:
        """Give the path on this machine of a run's file; None if the run has none, or it is gone.

        Raises RecordError if its content does not match the digest in the run's tag.
        """
        digest = listed_files(run.data.tags).get(name)
        with ExitStack() as stack:
            path = self._locate(run, name, stack) if digest else None
            if path is not None and not hashlib.sha256(path.read_bytes()).hexdigest().startswith(str(digest)):
                raise RecordError(
                    f"MLflow at {self.uri}: {name} of run {run.info.run_id} was altered after its upload; "
                    "delete that run, and send it again with sweeper sync SWEEP"
                )
            yield path

    def _locate(self, run: Any, name: str, stack: ExitStack) -> Path | None:
        """Return the path of a run's file, which is downloaded from a server until `stack` is closed."""
        uri = urlparse(run.info.artifact_uri)
        if uri.scheme in ("", "file"):
            path = Path(unquote(uri.path)) / name
            return path if path.is_file() else None
        folder = name.rpartition("/")[0] or None
        files = self._with_one_line_errors(self._client.list_artifacts)(run.info.run_id, folder)
        if name not in [file.path for file in files]:
            return None
        temporary = stack.enter_context(tempfile.TemporaryDirectory())
        return Path(self._with_one_line_errors(self._client.download_artifacts)(run.info.run_id, name, temporary))


class LazyPredictions(Mapping[int, TestPredictions]):
    """The test predictions of confirmed models by trial, read when they are needed.

    A trial whose run has no such file is missing. Raises KeyError if a file is gone, RecordError if it was altered.
    """

    def __init__(self, store: StoreReader, runs: Mapping[int, Any], labels: tuple[str, ...], read: Read) -> None:
        self.store, self.labels, self.read = store, labels, read
        self.runs = {trial: run for trial, run in runs.items() if TEST_PREDICTIONS in listed_files(run.data.tags)}

    def __getitem__(self, trial: int) -> TestPredictions:
        with self.store.open_file(self.runs[trial], TEST_PREDICTIONS) as path:
            if path is None:
                raise KeyError(trial)
            return TestPredictions.of(self.read(path, self.labels))

    def __iter__(self) -> Iterator[int]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)


def _is_from_sweeper(run: Any) -> bool:
    """Return True if a run has the tags of a sweep's run, and is not damaged."""
    tags = run.data.tags
    return bool(tags.get("sweeper.sweep") and tags.get("sweeper.dataset")) and is_whole(run)
