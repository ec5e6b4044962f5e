"""A look at an MLflow store before it is used: what the user must put right is an error, an outage is not.

Refused connections, answers that do not come and errors of the server (5xx) may pass. They are returned, not raised.
"""

import os
import re
import shlex
import socket
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from sweeper.errors import UsageError
from sweeper.tracking.client import find_experiment, open_store, sqlite_path
from sweeper.tracking.data_identity import DataIdentity
from sweeper.tracking.outage import describe_error, error_chain, http_status, is_transient, quote_answer, redact_uri
from sweeper.tracking.store_address import (
    DATABASES,
    SERVERS,
    VARIABLE,
    check_address,
    file_remedy,
    place,
    remedy,
    write_remedy,
)

_TIMEOUT = 10.0  # seconds that a server gets for its first answer
_CREDENTIALS = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
_SECURITY = "write http:// if the server has no TLS, or set MLFLOW_TRACKING_SERVER_CERT_PATH to its certificate"
_PACKAGES = {"MySQLdb": "mysqlclient", "psycopg2": "psycopg2-binary"}  # that bring modules of other names
_OTHER_SCHEMA = "out-of-date database schema"  # in the error of MLflow
# Every version of MLflow's database has these tables.
_TABLES = {"experiments", "experiment_tags", "latest_metrics", "metrics", "params", "runs", "tags"}
_TEMPORARY = re.compile(r"database is locked|could not connect|starting up|too many connections", re.IGNORECASE)


def check_store(uri: str, datasets: Sequence[DataIdentity] = (), *, will_write: bool = True) -> str:
    """Return "" if the store can be used, or in a few words why it does not answer now.

    `datasets` are those whose experiments will be used. Raises UsageError, in one line with place, value, rule and
    remedy, if the address is wrong, the store refuses this user, or one of these experiments was deleted. Nothing is
    created.
    """
    check_address(uri)
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        if will_write:
            _check_folder(uri, path.parent)
        return ""
    if path is not None:
        _check_sqlite_file(uri, path, will_write=will_write)
    scheme = urlsplit(uri).scheme.partition("+")[0]
    if outage := _check_host(uri, DATABASES[scheme]) if scheme in DATABASES else "":
        return outage
    try:
        client = open_store(uri)
        _require_mlflow(uri, "Default", client.get_experiment_by_name("Default"))
        experiments = [find_experiment(client, dataset) for dataset in datasets]
        for name, experiment in experiments:
            _require_usable(uri, name, experiment)
        if path is not None:
            ids = [str(experiment.experiment_id) for _, experiment in experiments if experiment is not None]
            client.search_runs(ids or ["0"], max_results=1)  # reads what a damaged file may lack
    except UsageError:
        raise
    except Exception as error:  # MLflow's, SQLAlchemy's or the HTTP library's
        return _explain(uri, error, is_server=scheme in SERVERS)
    return ""


def _require_mlflow(uri: str, name: str, experiment: Any) -> None:
    """Raise UsageError if this is no answer to the question for an experiment: other servers answer with any JSON."""
    if experiment is not None and experiment.name != name:
        raise UsageError(f"{_not_mlflow(uri)}; {remedy()}")


def _require_usable(uri: str, name: str, experiment: Any) -> None:
    """Raise UsageError if an experiment was deleted. One that is missing will be created."""
    _require_mlflow(uri, name, experiment)
    if experiment is not None and experiment.lifecycle_stage == "deleted":
        restore = f"{VARIABLE}={redact_uri(uri)} mlflow experiments restore --experiment-id"
        raise UsageError(
            f"{place(uri)}: the experiment {name} was deleted there, and takes no runs; "
            f"restore it: {restore} {experiment.experiment_id}"
        )


def _check_folder(uri: str, folder: Path) -> None:
    """Raise UsageError if no file can be created in a folder; for a missing one, in the nearest that is there."""
    existing = next(path for path in (folder, *folder.parents, Path()) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise UsageError(f"{place(uri)}: {folder} cannot be written ({error.strerror}); {write_remedy(uri)}") from error


def _check_sqlite_file(uri: str, path: Path, *, will_write: bool) -> None:
    """Raise UsageError if a file is no database of MLflow's, or cannot be written."""
    if path.is_dir():
        raise UsageError(f"{place(uri)}: is a folder; name a file in it: sqlite:///{path}/mlflow.db")
    if will_write and not os.access(path, os.W_OK):
        raise UsageError(f"{place(uri)}: {path} cannot be written; {write_remedy(uri)}")
    mode = "rw" if os.access(path, os.W_OK) else "ro"  # SQLite must write to undo what a killed process left half done
    try:
        with closing(_connect(path, mode)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.OperationalError as error:
        if _TEMPORARY.search(str(error)):
            return
        raise UsageError(f"{place(uri)}: {path} cannot be read ({error}); {write_remedy(uri)}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter is of a message with damaged names
        raise UsageError(f"{place(uri)}: {path} is no database of MLflow's ({error}); {file_remedy(uri)}") from error
    if tables and not tables & _TABLES:
        raise UsageError(f"{place(uri)}: {path} is a database, but not one of MLflow's; {file_remedy(uri)}")
    if tables and not tables >= _TABLES:  # MLflow would make them anew, with the columns that they had years ago
        lost = sorted(_TABLES - tables)
        noun = "table" if len(lost) == 1 else "tables"
        raise UsageError(f"{place(uri)}: {path} lacks the {noun} {', '.join(lost)}; {file_remedy(uri)}")
    if tables:
        _require_statuses(uri, path)
    if will_write:
        _check_folder(uri, path.parent)  # SQLite writes a journal beside the file


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=_TIMEOUT)


def _require_statuses(uri: str, path: Path) -> None:
    """Raise UsageError if a run has no status. MLflow then lists no run of its experiment at all."""
    query = "SELECT run_uuid FROM runs WHERE status IS NULL LIMIT 1"
    with suppress(sqlite3.Error, UnicodeDecodeError), closing(_connect(path, "ro")) as runs:
        if damaged := runs.execute(query).fetchone():
            repair = f"sqlite3 {shlex.quote(str(path))} \"UPDATE runs SET status = 'KILLED' WHERE status IS NULL\""
            raise UsageError(
                f"{place(uri)}: run {damaged[0]} has no status, and MLflow lists no runs beside such a one; "
                f"give it one, which the next sync puts right: {repair}"
            )


def _check_host(uri: str, default_port: int) -> str:
    """Return why nothing answers at a database's host, "" if something does. MLflow would try for 100 seconds.

    Raises UsageError if the host does not exist.
    """
    parts = urlsplit(uri)
    try:
        with socket.create_connection((parts.hostname or "localhost", parts.port or default_port), timeout=_TIMEOUT):
            return ""
    except OSError as error:
        if _is_unknown_host(error):
            raise UsageError(_unknown_host(uri)) from error
        return describe_error(error)


def _not_mlflow(uri: str) -> str:
    return f"{place(uri)}: something answers there that is no MLflow server"


def _is_unknown_host(error: BaseException) -> bool:
    """Return True if the host has no address. That no name server answers is an outage."""
    return isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN


def _unknown_host(uri: str) -> str:
    return f"{place(uri)}: the host {urlsplit(uri).hostname} is not known; {remedy()}"


def _explain(uri: str, error: Exception, *, is_server: bool) -> str:
    """Return in a few words why a store does not answer now. Raises UsageError if that will not pass by itself."""
    causes = list(error_chain(error))
    if any(map(_is_unknown_host, causes)):
        raise UsageError(_unknown_host(uri)) from error
    if any(isinstance(cause, requests.exceptions.SSLError) for cause in causes):
        rule = f"no secure connection ({re.sub(r' ?[(]_ssl.c:.*', '', describe_error(error))})"
        raise UsageError(f"{place(uri)}: {rule}; {_SECURITY}") from error
    if missing := [cause.name for cause in causes if isinstance(cause, ModuleNotFoundError) and cause.name]:
        package = _PACKAGES.get(missing[0], missing[0])
        rule = f"needs the module {missing[0]}, which is not installed"
        raise UsageError(f"{place(uri)}: {rule}; pip install {package}, or unset {VARIABLE}") from error
    status = _answered_status(uri, error) if is_server else 0
    if status in (401, 403):
        answer = f"it answers {status}{quote_answer(error)}"
        raise UsageError(f"{place(uri)}: does not accept you: {answer}; {_CREDENTIALS}") from error
    if status == 429 or (status >= 500 and status != HTTPStatus.NOT_IMPLEMENTED):
        return f"answers {status}"
    if is_transient(error) or _TEMPORARY.search(str(error)):
        return describe_error(error)
    if is_server and (status or any(isinstance(cause, requests.ConnectionError) for cause in causes)):
        answer = f"it answers {status}" if status else "it does not speak HTTP"
        raise UsageError(f"{_not_mlflow(uri)} ({answer}); {remedy()}") from error
    if _OTHER_SCHEMA in str(error):
        upgrade = f"copy it, then bring it to this version: mlflow db upgrade {redact_uri(uri)}"
        raise UsageError(f"{place(uri)}: has the tables of another version than mlflow {version('mlflow')}; {upgrade}")
    way_out = remedy() if sqlite_path(uri) is None else file_remedy(uri)
    raise UsageError(f"{place(uri)}: {describe_error(error)}; {way_out}") from error


def describe_rejection(uri: str, error: Exception) -> str:
    """Return why a request failed that `check_store` did not foresee; with the way out if a database is damaged."""
    is_damaged = sqlite_path(uri) is not None and not is_transient(error) and not _TEMPORARY.search(str(error))
    return f"{describe_error(error)}{f'; {file_remedy(uri)}' if is_damaged else ''}"


def _answered_status(uri: str, error: Exception) -> int:
    """Return the status of a server's answer, 0 if there was none. If the error does not name it, ask the server."""
    if (status := http_status(error)) is not None:
        return status
    if any(isinstance(cause, requests.RequestException) for cause in error_chain(error)):
        return 0
    name, password = (os.environ.get(f"MLFLOW_TRACKING_{key}", "") for key in ("USERNAME", "PASSWORD"))
    page = f"{uri.rstrip('/')}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"
    try:
        return requests.get(page, auth=(name, password) if name else None, timeout=_TIMEOUT).status_code
    except requests.RequestException:
        return 0
