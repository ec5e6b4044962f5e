"""MLflow's own server on a local store, for as long as somebody looks at it; and addresses of what they look for."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from sweeper.errors import SweeperError, UsageError

_HOST = "127.0.0.1"
_STARTS = 120.0  # seconds that the server may take to answer
_TRAINING = "workflowType=machine_learning"  # the UI has another face for GenAI
_ENDS = 5.0  # seconds that the server gets to end in order


@contextmanager
def serve_ui(uri: str, files: Path, port: int) -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    """MLflow's server on a store, with new files below `files`: its address, and its process.

    `port` 0 is a free one. The server answers when it is given, and it and all its children have ended afterwards.
    Raises UsageError where the port is taken, SweeperError where the server does not come up.
    """
    address = f"http://{_HOST}:{_free(port)}"
    with tempfile.TemporaryFile() as log:
        process = _start(uri, files, address.rpartition(":")[2], log)
        try:
            _wait(process, address, log)
            yield address, process
        finally:
            _end(process)


def _free(port: int) -> int:
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((_HOST, port))
        except OSError as error:
            raise UsageError(f"--port {port}: {error.strerror}; leave it out for a free one") from None
        return int(found.getsockname()[1])


def _start(uri: str, files: Path, port: str, log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the server in a group of its own, so that all of it can be ended. It runs no jobs: it needs no huey."""
    place = ["--host", _HOST, "--port", port, "--workers", "1"]
    store = ["--backend-store-uri", uri, "--artifacts-destination", str(files)]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *store, *place],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={**os.environ, **quiet},
    )  # fmt: skip


def _wait(process: "subprocess.Popen[bytes]", address: str, log: IO[bytes]) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + _STARTS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
            return
        time.sleep(0.1)
    log.seek(0)
    said = log.read().decode(errors="replace").strip().splitlines()
    raise SweeperError(f"MLflow's server did not start: {said[-1] if said else 'no answer'}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the server and all its children: in order, and then at once."""
    for number, patience in ((signal.SIGTERM, _ENDS), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)


def compare_url(address: str, experiment: str, runs: Sequence[str]) -> str:
    """Where MLflow compares these runs, with parallel coordinates."""
    every = f"runs={_listed(runs)}&experiments={_listed([experiment])}"
    return f"{address}/#/compare-runs?{every}&{_TRAINING}"


def runs_url(address: str, experiment: str, identity: Mapping[str, str]) -> str:
    """Where MLflow lists the runs of an experiment that have these tags."""
    wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in identity.items())
    return f"{address}/#/experiments/{experiment}/runs?searchFilter={quote(wanted)}&{_TRAINING}"


def _listed(values: Sequence[str]) -> str:
    return quote(json.dumps(values, separators=(",", ":")), safe=",")
