"""Outages of MLflow: which errors are temporary, how long to wait before the next request, and what to tell the user.

Every new error is logged. The user is told of an outage once, when MLflow has not answered for a second, and again
when it is over.
"""

import logging
import re
import socket
import time
from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)
_PAUSES = (0.2, 5.0)  # seconds before the next request: after the first error, and at most
_AUTOFLUSH = "(raised as a result of Query-invoked autoflush"  # a line of SQLAlchemy's above the error itself
_STATUS = re.compile(  # of an HTTP answer, in the texts of errors
    r"failed with error code (\d{3}) != "  # MLflow, for an answer that is no JSON
    r"|\A(\d{3}): "  # MLflow, for JSON of a proxy
    r"|too many (\d{3}) error responses"  # urllib3, which MLflow and requests quote
    r"|\b(\d{3}) (?:Client|Server) Error: "  # requests
    r"|An error occurred \((\d{3})\) when calling "  # boto3, for files in S3
    r"|\A(\d{3}) (?:GET|HEAD|POST|PUT|PATCH|DELETE) http"  # google-cloud-storage
)
_BODY = re.compile(r"Response (?:body: '|text: )([^\n<']{1,120})")  # of such an answer, in MLflow's errors
_BUSY = (429, 500, 502, 503, 504)  # statuses after which the same request may succeed
_SILENCE = 1.0  # seconds without an answer after which the user is told


class OutageState:
    """The availability of MLflow, as far as known.

    `error` describes the latest failure, "" if there is none; `is_rejection` says that MLflow answered, and refused.
    `failures` counts failures in a row, of any run. `notify` shows a line to the user, who was told of the outage
    already if it `is_known`.
    """

    def __init__(self, uri: str, notify: Callable[[str], None], *, is_known: bool = False) -> None:
        self.uri, self.notify = uri, notify
        self.error = ""
        self.is_rejection = False
        self.failures = 0
        self._silent_since = 0.0  # when the first request without an answer began; 0 if MLflow answered since
        self._user_told = is_known

    def begin_request(self) -> None:
        """Record that a request begins."""
        self._silent_since = self._silent_since or time.monotonic()

    def record_answer(self) -> None:
        """Record that MLflow answered a request, even if a later one fails."""
        self._silent_since = 0.0

    def record_success(self, *, answered: bool) -> None:
        """Record that a run was synced. If that took no request (not `answered`), an outage may still go on."""
        if answered or not self.failures:
            self.failures, self._silent_since, self.error = 0, 0.0, ""
        if answered and self._user_told:
            self._user_told = False
            self.notify("MLflow is back")

    def record_failure(self, error: Exception, *, log: bool) -> float:
        """Record an error. Return the seconds to wait before the next request: longer after each failure in a row."""
        self.failures += 1
        previous, self.error = self.error, describe_error(error)
        self.is_rejection = not is_transient(error)
        if self.error != previous and log:
            _log.warning("MLflow at %s: %s; trying again", self.uri, self.error)
        if not self._user_told and self._silent_since and time.monotonic() - self._silent_since >= _SILENCE:
            self._user_told = True
            later = "once that is put right" if self.is_rejection else "once it is back"
            self.notify(f"MLflow at {self.uri}: {self.error}; training goes on, and MLflow is synced {later}")
        first, longest = _PAUSES
        return float(min(longest, first * 2 ** min(self.failures - 1, 10)))


def redact_uri(uri: str) -> str:
    """Return a URI that may be shown: without the user name and the password in it."""
    return re.sub(r"//[^/\s]*@", "//", uri)


def describe_error(error: BaseException) -> str:
    """Return in a few words why a request to MLflow failed."""
    for cause in reversed(list(error_chain(error))):
        if isinstance(cause, TimeoutError):
            return "no answer"
        if isinstance(cause, ConnectionError):
            return cause.strerror or "closed the connection without an answer"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    if (status := http_status(error)) is not None:
        return f"answers {status}{quote_answer(error)}"
    lines = [line for line in str(error).split("\n") if not line.startswith(_AUTOFLUSH)]
    return (redact_uri(lines[0])[:200] if lines else "") or type(error).__name__


def http_status(error: BaseException) -> int | None:
    """Return the status of the HTTP answer that an error or its cause names; None if it names none.

    A number of three digits elsewhere in the text, such as an id, is no status.
    """
    match = next(filter(None, (_STATUS.search(str(cause)) for cause in error_chain(error))), None)
    return None if match is None else int(next(filter(None, match.groups())))


def quote_answer(error: BaseException) -> str:
    """Return the text of an HTTP answer that an error quotes, shortened, as in " (Invalid path)"; "" if it has none."""
    body = _BODY.search(str(error))
    return f" ({redact_uri(body[1])})" if body else ""


def is_transient(error: BaseException) -> bool:
    """Return True if the same request may succeed later, because MLflow was away or busy."""
    away = any(isinstance(cause, ConnectionError | TimeoutError | socket.gaierror) for cause in error_chain(error))
    return away or http_status(error) in _BUSY


def retry_once(request: Callable[[], object]) -> None:
    """Make a request, and repeat it once, at once, after a transient error."""
    try:
        request()
    except Exception as error:
        if not is_transient(error):
            raise
        request()


def error_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, from the outermost to the root."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
