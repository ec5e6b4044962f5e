"""Upload of the files of runs, each once: a tag of the run lists the files that MLflow has, with their digests.

A file that cannot be made or read, or that MLflow keeps rejecting, must stop neither the others nor a sweep: it is
skipped for the rest of the command, and named. A store that accepts no file is offered no others.
"""

import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from mlflow.entities import RunTag

from sweeper.tracking.outage import describe_error, is_transient, retry_once
from sweeper.tracking.run_registry import RemoteRun, RunRegistry

Content = Path | str | bytes | Callable[[], bytes]  # of a file: its path, its text or bytes, or what makes them

RESULTS = "results.json"  # the last file of a sweep's own run: once it is there, everything else is too
FILES_TAG = "sweeper.files"
_MAX_FAILURES = 9  # failed uploads of one file
_REJECTION = 3  # a file that MLflow rejects counts as so many failed uploads
_MAX_REASON = 200  # characters
_DIGEST = 16  # characters of a digest in the tag, which has room for 8,000

_log = logging.getLogger(__name__)


class UnreadableFileError(Exception):
    """A file cannot be read or made on this machine. The message is the reason."""


class ArtifactUploader:
    """Uploads the files of a sweep's runs. `skipped` has the reason for each file that was given up, by its name."""

    def __init__(self, runs: RunRegistry) -> None:
        self.runs = runs
        self.skipped: dict[str, str] = {}
        self._any_accepted = self._disabled = False
        self._failures = Counter[str]()  # of each file, in a row
        self._answers: dict[str, int] = {}  # how often MLflow had answered when a file's latest upload failed

    def upload(self, run: RemoteRun, files: Mapping[str, Content]) -> None:
        """Upload, in order, the files that the run does not have yet or has with another content.

        `files` are by their path among the run's artifacts. If MLflow rejects one, the others follow before this
        raises the error.
        """
        rejections = []
        for name, content in files.items():
            try:
                self.try_upload(run, name, partial(self._upload_changed, run, name, content))
            except Exception as error:
                if is_transient(error):
                    raise
                rejections.append(error)
        if run.unlisted_files:
            self._write_list(run, listed_files(run.tags) | run.unlisted_files)
            run.unlisted_files = {}
        if rejections:
            raise rejections[0]

    def try_upload(self, run: RemoteRun, name: str, upload: Callable[[], None]) -> None:
        """Upload a run's file or model with `upload`. Raise its first few errors, then skip it.

        An error counts only if MLflow answered something since the last one: otherwise MLflow is away.
        """
        file = _describe_file(run, name)
        if file in self.skipped:
            return
        if self._disabled:
            self.skipped[file] = "MLflow accepts no files"
            return
        try:
            upload()
        except UnreadableFileError as error:
            self._skip(file, str(error))
        except Exception as error:
            if self.runs.answers > self._answers.get(file, 0):
                self._failures[file] += 1 if is_transient(error) else _REJECTION
            self._answers[file] = self.runs.answers
            if self._failures[file] < _MAX_FAILURES:
                raise
            self._disabled = not self._any_accepted
            self._skip(file, describe_error(error))

    def _skip(self, file: str, reason: str) -> None:
        self.skipped[file] = reason
        _log.warning("MLflow does not get %s: %s", file, reason, exc_info=True)

    def record_accepted(self, run: RemoteRun, name: str) -> None:
        """Record that MLflow accepted a file of a run, or of the model `name`."""
        self._any_accepted = True
        self._failures.pop(_describe_file(run, name), None)

    def unlist(self, run: RemoteRun, name: str) -> None:
        """Remove a file from the list in the run's tag. MLflow keeps the file, but readers go by the tag."""
        listed = listed_files(run.tags)
        if listed.pop(name, None) is not None:
            self._write_list(run, listed)

    def _upload_changed(self, run: RemoteRun, name: str, content: Content) -> None:
        data = _read(content)
        digest = hashlib.sha256(data).hexdigest()[:_DIGEST]
        if (listed_files(run.tags) | run.unlisted_files).get(name) != digest:
            self._upload_file(run, PurePosixPath(name), data)
            run.unlisted_files[name] = digest

    def _upload_file(self, run: RemoteRun, name: PurePosixPath, data: bytes) -> None:
        """Upload one file from a temporary folder: MLflow names an artifact like the file on the disk."""
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / name.name
            path.write_bytes(data)
            folder = None if name.parent == PurePosixPath() else str(name.parent)
            retry_once(lambda: self.runs.client.log_artifact(run.id, str(path), folder))
        self.record_accepted(run, str(name))

    def _write_list(self, run: RemoteRun, digests: Mapping[str, str]) -> None:
        self.runs.client.log_batch(run.id, tags=[RunTag(FILES_TAG, json.dumps(digests))])
        run.tags[FILES_TAG] = json.dumps(digests)


def listed_files(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the digests of a run's files by name, as one of its tags lists them; none if that tag is damaged."""
    try:
        digests = json.loads(tags.get(FILES_TAG, "{}"))
    except ValueError:
        return {}
    return digests if isinstance(digests, dict) else {}


def _describe_file(run: RemoteRun, name: str) -> str:
    """Return the name of a run's file for people: `confusion.png of trial 12`, or of the run that has no trial."""
    trial = run.tags.get("sweeper.trial")
    return f"{name} of trial {trial}" if trial else name


def _read(content: Content) -> bytes:
    """Return the bytes of a file. Raises UnreadableFileError if it cannot be read, or not be made."""
    try:
        if isinstance(content, Path):
            return content.read_bytes()
        if isinstance(content, str):
            return content.encode()
        return content if isinstance(content, bytes) else content()
    except Exception as error:  # of the library that draws a picture, too
        raise UnreadableFileError(f"{type(error).__name__}: {' '.join(str(error).split())}"[:_MAX_REASON]) from error
