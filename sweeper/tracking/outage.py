"""MLflow's trouble: when it is taken as away, how long until it is tried again, and what is said of it.

Each new trouble is logged. An outage is told once while it lasts, when it has been silent for a while, and its end too.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)
_PAUSES = (0.2, 5.0)  # seconds until MLflow is tried again after an error: the first, and the longest
_SILENT = 1.0  # seconds without an answer that are told


class OutageState:
    """What is known of MLflow's; `now` is the newest in words, `failures` count in a row, of whatever run."""

    def __init__(self, place: str, tell: Callable[[str], None]) -> None:
        self.place, self.tell = place, tell
        self.error = ""
        self.failures = 0
        self._silent = 0.0  # when the first request without an answer began
        self._told = False

    def asking(self) -> None:
        """A request begins."""
        self._silent = self._silent or time.monotonic()

    def answered(self) -> None:
        """MLflow answered a request, whatever comes next."""
        self._silent = 0.0

    def over(self, *, asked: bool) -> None:
        """All went well. Where MLflow had to be `asked` for nothing, that says nothing of an outage."""
        if asked or not self.failures:
            self.failures, self._silent, self.error = 0, 0.0, ""
        if asked and self._told:
            self._told = False
            self.tell("MLflow is back")

    def failed(self, error: Exception, *, log: bool) -> float:
        """Take note of an error; seconds until MLflow should be tried again, more each time."""
        self.failures += 1
        before, self.error = self.error, describe_error(error)
        if self.error != before and log:
            _log.warning("MLflow at %s: %s; it is tried again", self.place, self.error)
        if not self._told and self._silent and time.monotonic() - self._silent >= _SILENT:
            self._told = True
            self.tell(
                f"MLflow at {self.place}: {self.error}; training goes on, and what is missing is sent when it is back"
            )
        first, most = _PAUSES
        return float(min(most, first * 2 ** min(self.failures - 1, 10)))


def redact_uri(uri: str) -> str:
    """A URI as it may be shown: without the name and the password in it."""
    return re.sub(r"//[^/\s]*@", "//", uri)


def describe_error(error: BaseException) -> str:
    """Why MLflow could not be reached, in a few words."""
    for found in reversed(list(_chain(error))):
        if isinstance(found, TimeoutError):
            return "no answer"
        if isinstance(found, ConnectionError):
            return found.strerror or "closed the connection without an answer"
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
    text = str(error).partition("\n")[0]
    code = re.search(r"(?:error code|too many) (\d{3})", text)
    return f"answers {code[1]}" if code else redact_uri(text)[:200] or type(error).__name__


def is_transient(error: BaseException) -> bool:
    """Whether what MLflow did not take now it may take at another time: it was away, or busy."""
    away = any(isinstance(found, ConnectionError | TimeoutError) for found in _chain(error))
    return away or re.search(r"\b(429|50[234])\b", str(error)) is not None


def retry_once(request: Callable[[], object]) -> None:
    """Make a request, and once more where that may help at once."""
    try:
        request()
    except Exception as error:
        if not is_transient(error):
            raise
        request()


def _chain(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__
