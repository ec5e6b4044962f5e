"""Upload of the files of runs, each once: a tag of the run lists the files that MLflow has, with their digests.

A store that accepts no files must not stop a sweep. After a few attempts the upload of files is given up for the rest
of the command.
"""

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from mlflow.entities import RunTag

from sweeper.tracking.outage import is_transient, retry_once
from sweeper.tracking.run_registry import RemoteRun, RunRegistry

Content = Path | str | bytes | Callable[[], bytes]  # of a file: its path, its text or bytes, or what makes them

RESULTS = "results.json"  # the last file of a sweep's own run: once it is there, everything else is too
FILES_TAG = "sweeper.files"
_MAX_FAILURES = 9  # failed uploads of one run's file
_REJECTION = 3  # a file that MLflow rejects counts as so many failed uploads
_DIGEST = 16  # characters of a digest in the tag, which has room for 8,000

_log = logging.getLogger(__name__)


class ArtifactUploader:
    """Uploads the files of a sweep's runs. If MLflow accepts none of a run's files, no others are offered."""

    def __init__(self, runs: RunRegistry) -> None:
        self.runs = runs
        self._any_accepted = self._disabled = False

    def upload(self, run: RemoteRun, files: Mapping[str, Content]) -> None:
        """Upload, in order, the files that the run does not have yet or has with another content.

        `files` are by their path among the run's artifacts.
        """
        self.try_upload(run, lambda: self._upload_changed(run, files))

    def try_upload(self, run: RemoteRun, upload: Callable[[], None]) -> None:
        """Upload a run's files with `upload`. Raise its first few errors, then give up on the run's files.

        An error counts only if MLflow answered something since the last one: otherwise MLflow is away.
        """
        if self._disabled or run.failed_uploads >= _MAX_FAILURES:
            return
        try:
            upload()
        except Exception as error:
            if self.runs.answers > run.answers_at_failure:
                run.failed_uploads += 1 if is_transient(error) else _REJECTION
            run.answers_at_failure = self.runs.answers
            if run.failed_uploads < _MAX_FAILURES:
                raise
            self._disabled = not self._any_accepted
            _log.warning("MLflow accepts no file for run %s: %s", run.id, str(error).partition("\n")[0])

    def record_accepted(self, run: RemoteRun) -> None:
        """Record that MLflow accepted a file of a run."""
        self._any_accepted, run.failed_uploads = True, 0

    def unlist(self, run: RemoteRun, name: str) -> None:
        """Remove a file from the list in the run's tag. MLflow keeps the file, but readers go by the tag."""
        listed = _listed_files(run)
        if listed.pop(name, None) is not None:
            self._write_list(run, listed)

    def _upload_changed(self, run: RemoteRun, files: Mapping[str, Content]) -> None:
        for name, content in files.items():
            data = _read(content)
            digest = hashlib.sha256(data).hexdigest()[:_DIGEST]
            if (_listed_files(run) | run.unlisted_files).get(name) != digest:
                self._upload_file(run, PurePosixPath(name), data)
                run.unlisted_files[name] = digest
        if run.unlisted_files:
            self._write_list(run, _listed_files(run) | run.unlisted_files)
            run.unlisted_files = {}

    def _upload_file(self, run: RemoteRun, name: PurePosixPath, data: bytes) -> None:
        """Upload one file from a temporary folder: MLflow names an artifact like the file on the disk."""
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / name.name
            path.write_bytes(data)
            folder = None if name.parent == PurePosixPath() else str(name.parent)
            retry_once(lambda: self.runs.client.log_artifact(run.id, str(path), folder))
        self.record_accepted(run)

    def _write_list(self, run: RemoteRun, digests: Mapping[str, str]) -> None:
        self.runs.client.log_batch(run.id, tags=[RunTag(FILES_TAG, json.dumps(digests))])
        run.tags[FILES_TAG] = json.dumps(digests)


def _listed_files(run: RemoteRun) -> dict[str, str]:
    """Return the digests of a run's files by name, as its tag lists them."""
    digests: dict[str, str] = json.loads(run.tags.get(FILES_TAG, "{}"))
    return digests


def _read(content: Content) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else content()
