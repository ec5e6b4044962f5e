"""The files beside a run's figures, each sent once: a tag of the run says which of them MLflow has, by their digests.

A store that takes no files is no trouble of the sweep's: after a few tries it is left at that, for this command.
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

Content = Path | str | bytes | Callable[[], bytes]  # of a file: where it is, what is in it, or what makes that

TAG = "sweeper.files"
_MOST, _REFUSAL = 9, 3  # tries of a run's next file, and how many of them one counts that MLflow answers with a no
_DIGITS = 16  # of a digest in the tag, which has room for 8,000 characters

_log = logging.getLogger(__name__)


class ArtifactUploader:
    """Sends the files of a sweep's `runs`. Where MLflow takes none of a run's, it is not asked to take others'."""

    def __init__(self, runs: RunRegistry) -> None:
        self.runs = runs
        self._taken = self._refused = False  # by MLflow, any file at all

    def upload(self, run: RemoteRun, files: Mapping[str, Content]) -> None:
        """Send the files, by their place among the run's artifacts, that it lacks or has otherwise, in their order."""
        self.attempt(run, lambda: self._send(run, files))

    def attempt(self, run: RemoteRun, send: Callable[[], None]) -> None:
        """Let `send` send files of a run; where MLflow answers, and does not take them, it raises a few times alone."""
        if self._refused or run.tries >= _MOST:
            return
        try:
            send()
        except Exception as error:
            if self.runs.answers > run.heard:  # since the last time: MLflow is not away
                run.tries += 1 if is_transient(error) else _REFUSAL
            run.heard = self.runs.answers
            if run.tries < _MOST:
                raise
            self._refused = not self._taken
            _log.warning("MLflow took no file for run %s: %s", run.id, str(error).partition("\n")[0])

    def taken(self, run: RemoteRun) -> None:
        """MLflow took a file of a run."""
        self._taken, run.tries = True, 0

    def withdraw(self, run: RemoteRun, name: str) -> None:
        """Say no more that a run has a file. MLflow keeps the file, and who asks the tag knows that it is old."""
        there = _said(run)
        if there.pop(name, None) is not None:
            self._say(run, there)

    def _send(self, run: RemoteRun, files: Mapping[str, Content]) -> None:
        for name, content in files.items():
            data = _data(content)
            digest = hashlib.sha256(data).hexdigest()[:_DIGITS]
            if (_said(run) | run.files).get(name) != digest:
                self._upload(run, PurePosixPath(name), data)
                run.files[name] = digest
        if run.files:
            self._say(run, _said(run) | run.files)
            run.files = {}

    def _upload(self, run: RemoteRun, name: PurePosixPath, data: bytes) -> None:
        """Send one file. MLflow calls it as it is called on the disk."""
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / name.name
            path.write_bytes(data)
            folder = None if name.parent == PurePosixPath() else str(name.parent)
            retry_once(lambda: self.runs.client.log_artifact(run.id, str(path), folder))
        self.taken(run)

    def _say(self, run: RemoteRun, files: Mapping[str, str]) -> None:
        self.runs.client.log_batch(run.id, tags=[RunTag(TAG, json.dumps(files))])
        run.tags[TAG] = json.dumps(files)


def _said(run: RemoteRun) -> dict[str, str]:
    """The digests of the files that a run has, as its tag says."""
    found: dict[str, str] = json.loads(run.tags.get(TAG, "{}"))
    return found


def _data(content: Content) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else content()
