"""The files beside a run's figures, each sent once: a tag of the run says which of them MLflow has, by their digests.

A store that takes no files is no trouble of the sweep's: after a few tries it is left at that, for this command.
"""

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mlflow.entities import RunTag

from sweeper.tracking.runs import Known

Content = Path | str | bytes | Callable[[], bytes]  # of a file: where it is, what is in it, or what makes that

TAG = "sweeper.files"
_TRIES = 3  # times that a file is sent to an MLflow that answers otherwise
_DIGITS = 16  # of a digest in the tag, which has room for 8,000 characters

_log = logging.getLogger(__name__)


def keep(client: Any, run: Known, files: Mapping[str, Content]) -> None:
    """Send the files, by their place among the run's artifacts, that it lacks or has otherwise, in their order."""
    tried(client, run, lambda: _send(client, run, files))


def tried(client: Any, run: Known, send: Callable[[], None]) -> None:
    """Let `send` send files of a run, a few times where MLflow answers and does not take them."""
    if run.tries == _TRIES:
        return
    try:
        send()
    except Exception as error:
        client.get_run(run.id)  # raises where it is not the files: MLflow is away
        run.tries += 1
        if run.tries < _TRIES:
            raise
        _log.warning("MLflow took no file for run %s: %s", run.id, str(error).partition("\n")[0])


def withdraw(client: Any, run: Known, name: str) -> None:
    """Say no more that a run has a file. MLflow keeps the file itself, and who asks the tag knows that it is old."""
    there: dict[str, str] = json.loads(run.tags.get(TAG, "{}"))
    if there.pop(name, None) is not None:
        _say(client, run, there)


def _send(client: Any, run: Known, files: Mapping[str, Content]) -> None:
    there: dict[str, str] = json.loads(run.tags.get(TAG, "{}"))
    sent = {}
    for name, content in files.items():
        data = _data(content)
        digest = hashlib.sha256(data).hexdigest()[:_DIGITS]
        if there.get(name) != digest:
            _upload(client, run.id, PurePosixPath(name), data)
            sent[name] = digest
    if sent:
        _say(client, run, there | sent)


def _say(client: Any, run: Known, files: Mapping[str, str]) -> None:
    client.log_batch(run.id, tags=[RunTag(TAG, json.dumps(files))])
    run.tags[TAG] = json.dumps(files)


def _upload(client: Any, id: str, name: PurePosixPath, data: bytes) -> None:
    """Send one file. MLflow calls it as it is called on the disk."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / name.name
        path.write_bytes(data)
        client.log_artifact(id, str(path), None if name.parent == PurePosixPath() else str(name.parent))


def _data(content: Content) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else content()
