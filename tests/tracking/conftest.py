"""Fixtures: an MLflow store for each test file, one real server for all, and a sweep name for each test."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from zlib import crc32

import pytest

from tests.support.fake_mlflow_stores import create_empty_store
from tests.support.faulty_proxy import FaultyProxy
from tests.support.tracked_sweeps import wait_until


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{create_empty_store(tmp_path_factory.mktemp('mlflow'))}"


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> str:
    return f"sst5-{crc32(request.node.nodeid.encode()):08x}"


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a real MLflow server and return its port."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = f"sqlite:///{create_empty_store(folder)}"
    store = ["--backend-store-uri", database, "--artifacts-destination", str(folder / "a")]
    place = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *store, *place],
            stdout=log, stderr=log, start_new_session=True, env={**os.environ, **quiet},
        )  # fmt: skip
    try:
        _wait_until_ready(port)
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)  # the server and all its children
        server.wait()


@pytest.fixture
def proxy(backend: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """Return a proxy in front of the server that can simulate faults."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    from sweeper.tracking import outage

    monkeypatch.setattr(outage, "_PAUSES", (0.05, 0.5))
    with FaultyProxy(backend) as faulty_proxy:
        yield faulty_proxy


def _wait_until_ready(port: int) -> None:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    wait_until(answers)
