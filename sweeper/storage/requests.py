"""Requests of users to the driver of a sweep: small files in the sweep's folder, which the driver reads while it runs.

A request names the driver that it is made to. A later driver throws it away, so one that was never answered, because
either side was killed, does nothing to a sweep that was continued since. Answering a request twice is harmless.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sweeper.atomic_write import atomic_write
from sweeper.storage.record_lock import holder_path
from sweeper.training.config import Scalar

_INTERVAL = 0.5  # seconds between two looks at the folder


@dataclass(frozen=True)
class StopRequest:
    """A request to stop a trial, or the whole sweep if `trial` is 0."""

    trial: int = 0


@dataclass(frozen=True)
class CloneRequest:
    """A request for one more trial of the search: trial `trial` with the complete setting `params`."""

    trial: int
    params: Mapping[str, Scalar]


Request = StopRequest | CloneRequest
_KINDS: Mapping[str, type[Request]] = {"stop": StopRequest, "clone": CloneRequest}


def no_requests() -> Iterator[Request]:
    """Return nothing: nobody can ask this driver for anything."""
    return iter(())


def current_driver(journal: Path) -> str:
    """Return the note of the driver that holds a record, or held it last; "" if there is none."""
    try:
        return holder_path(journal).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def make_request(journal: Path, request: Request) -> Path:
    """Ask the driver that holds a record now, and return the file of the request. It is gone once it is answered."""
    kind = next(name for name, known in _KINDS.items() if isinstance(request, known))
    own_name = "" if isinstance(request, StopRequest) else f"-{secrets.token_hex(4)}"  # two clones are two trials
    path = requests_folder(journal) / f"{kind}-{request.trial}{own_name}.json"
    with atomic_write(path) as file:
        values = {"driver": current_driver(journal), "kind": kind, "request": asdict(request)}
        file.write(json.dumps(values).encode())
    return path


def requests_folder(journal: Path) -> Path:
    """Return the folder of the requests to a sweep's driver."""
    return journal.with_name("requests")


class Requests:
    """The requests to this process, which drives a sweep. Call it often: it looks at the folder twice a second."""

    def __init__(self, journal: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the path of a record that this process holds."""
        self.folder, self.driver = requests_folder(journal), current_driver(journal)
        self.clock, self._looked_at = clock, -_INTERVAL

    def __call__(self) -> Iterator[Request]:
        """Yield the new requests. Each file is deleted once the caller has done what it asks and comes back."""
        if self.clock() - self._looked_at < _INTERVAL:
            return
        self._looked_at = self.clock()
        for path in self._files():
            request = self._read(path)
            if request is not None:
                yield request
            with suppress(OSError):
                path.unlink()

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if path.suffix == ".json")
        except OSError:  # nobody has asked yet
            return []

    def _read(self, path: Path) -> Request | None:
        """Return the request in a file; None if it is to another driver or cannot be read."""
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return _KINDS[stored["kind"]](**stored["request"]) if stored["driver"] == self.driver else None
        except (OSError, ValueError, TypeError, KeyError):
            return None
