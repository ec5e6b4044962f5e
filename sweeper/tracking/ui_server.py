"""Runs MLflow's own server on a local store while somebody looks at it, and builds links into its UI."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from sweeper.errors import SweeperError, UsageError

_HOST = "127.0.0.1"
_START_TIMEOUT = 120.0  # seconds that the server may take to answer
_STOP_TIMEOUT = 5.0  # seconds that the server gets to stop before it is killed
_WORKFLOW = "workflowType=machine_learning"  # else the part last chosen in the browser, at first GenAI


@contextmanager
def serve_ui(uri: str, files: Path, port: int) -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    """Run MLflow's server on a store, with new files below `files`. Gives its address and its process.

    `port` 0 is a free one. The server answers when the block begins. When the block ends, the server and all its
    children are stopped. Raises UsageError if the port is taken, SweeperError if the server does not start.
    """
    address = f"http://{_HOST}:{_choose_port(port)}"
    with tempfile.TemporaryFile() as log:
        process = _start(uri, files, address.rpartition(":")[2], log)
        try:
            _wait_until_ready(process, address, log)
            yield address, process
        finally:
            _stop(process)


def _choose_port(port: int) -> int:
    """Return `port` if it is free, or any free port if it is 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise UsageError(f"--port {port}: {error.strerror}; leave it out for a free one") from None
        return int(probe.getsockname()[1])


def _start(uri: str, files: Path, port: str, log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the server in a process group of its own, so that its children can be stopped too. It runs no jobs.

    Python and uvicorn would look for modules in the working folder first, where the user may have a profile.py. The
    server still starts there, because the address of a store may be relative to it.
    """
    address = ["--host", _HOST, "--port", port, "--workers", "1", "--uvicorn-opts", f"--app-dir {os.devnull}"]
    store = ["--backend-store-uri", uri, "--artifacts-destination", str(files)]
    settings = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONSAFEPATH": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *store, *address],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={**os.environ, **settings},
    )  # fmt: skip


def _wait_until_ready(process: "subprocess.Popen[bytes]", address: str, log: IO[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
            return
        time.sleep(0.1)
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    raise SweeperError(f"MLflow's server did not start: {lines[-1] if lines else 'no answer'}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop the server and all its children; kill them if they do not stop in time."""
    for signal_number, timeout in ((signal.SIGTERM, _STOP_TIMEOUT), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout)


def home_url(address: str) -> str:
    """Return the page that lists the experiments."""
    return f"{address}/#/experiments?{_WORKFLOW}"


def view_url(address: str, experiment: str, key: str, *, with_charts: bool) -> str:
    """Return the page of a saved view: the list of its runs, alone or beside charts that compare them."""
    mode = "&compareRunsMode=CHART" if with_charts else ""
    return f"{address}/#/experiments/{experiment}/runs?viewStateShareKey={key}{mode}&{_WORKFLOW}"


def run_url(address: str, experiment: str, run: str) -> str:
    """Return the page of a run."""
    return f"{address}/#/experiments/{experiment}/runs/{run}?{_WORKFLOW}"


def compare_url(address: str, experiment: str, runs: Sequence[str]) -> str:
    """Return the page that compares these runs, with parallel coordinates."""
    selection = f"runs={_quote_list(runs)}&experiments={_quote_list([experiment])}"
    return f"{address}/#/compare-runs?{selection}&{_WORKFLOW}"


def runs_url(address: str, experiment: str, tag_filter: str, column: str, *, ascending: bool) -> str:
    """Return the page that lists the runs of an experiment that pass MLflow's filter, sorted by a column.

    The column is named as in the filter, such as metrics.`best/validation/accuracy`. With a column other than the time
    of creation, MLflow lists child runs beside each other instead of below their parent.
    """
    order = f"orderByKey={quote(column, safe='')}&orderByAsc={str(ascending).lower()}"
    selection = f"searchFilter={quote(tag_filter, safe='')}&{order}"
    return f"{address}/#/experiments/{experiment}/runs?{selection}&{_WORKFLOW}"


def _quote_list(values: Sequence[str]) -> str:
    return quote(json.dumps(values, separators=(",", ":")), safe=",")
