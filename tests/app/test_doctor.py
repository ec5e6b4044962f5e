"""The doctor finds what does not work, and says what to do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

import sweeper as package
from sweeper.app import machine_checks, service_checks
from sweeper.app.check_result import Health
from sweeper.app.doctor import CHECKS
from sweeper.errors import UsageError
from tests.support.run_here import run_here


@contextmanager
def server(status: int, missing: str = "") -> Iterator[int]:
    """Serve every page with this status, and give the port. A page that begins with `missing` is not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404 if missing and self.path.startswith(missing) else status)
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield listening.server_port
        finally:
            listening.shutdown()
            thread.join()


@contextmanager
def greeter(greeting: bytes) -> Iterator[int]:
    """Send every caller these bytes, without waiting for a request, and give the port."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(greeting)
            self.request.recv(1000)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield listening.server_address[1]
        finally:
            listening.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "count"), [(200, 1), (401, 0), (403, 0), (404, 0)])
def test_a_server_that_shows_its_page_without_a_token_is_open(status: int, count: int) -> None:
    with server(status) as port:
        found = list(
            service_checks.find_open_ports(["127.0.0.1"], {port: ("Ray's dashboard", "/api/version", "do it")})
        )
    assert found == [("Ray's dashboard", f"127.0.0.1:{port}", "do it")] * count


def test_a_server_that_does_not_speak_http_is_no_open_page_and_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with greeter(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        assert not list(service_checks.find_open_ports(["127.0.0.1"], {port: ("MLflow", "/", "do it")}))
        result = service_checks.check_hub(Path())
    assert result.health == Health.NOTE
    assert result.fact == f"http://127.0.0.1:{port} does not answer: what is there does not speak HTTP"


@pytest.mark.parametrize(
    ("routes", "addresses"),
    [
        ({socket.AF_INET: "10.0.0.5", socket.AF_INET6: "fd00::5"}, ["10.0.0.5", "fd00::5"]),
        ({socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}, []),
        ({socket.AF_INET: "10.0.0.5"}, ["10.0.0.5"]),
        ({}, []),
    ],
)
def test_own_addresses_are_those_that_others_reach(
    routes: dict[socket.AddressFamily, str], addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Probe(nullcontext[Any]):
        """A socket of a machine that has an address for each of the routes."""

        def __init__(self, family: socket.AddressFamily, _: socket.SocketKind) -> None:
            super().__init__(self)
            self.family = family

        def connect(self, _: tuple[str, int]) -> None:
            if self.family not in routes:
                raise OSError("Network is unreachable")

        def getsockname(self) -> tuple[str, int]:
            return routes[self.family], 9

    monkeypatch.setattr(socket, "socket", Probe)
    assert service_checks.own_addresses() == addresses


@pytest.mark.parametrize("status", [200, 503])
def test_the_hub_is_asked_where_it_is(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with server(status) as port:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        result = service_checks.check_hub(Path())
    assert result.health == (Health.OK if status == 200 else Health.NOTE)
    assert ("HF_ENDPOINT" in result.remedy) == (status != 200)


@pytest.mark.parametrize(
    ("missing", "health", "fact"),
    [
        ("/api/models?", Health.OK, ""),  # a mirror need not have a list of its models
        (
            "/api/models/",
            Health.NOTE,
            " answers a request for sentence-transformers/all-MiniLM-L6-v2 with status 404",
        ),
    ],
)
def test_a_mirror_is_asked_for_a_model(
    missing: str, health: Health, fact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with server(200, missing) as port:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        result = service_checks.check_hub(Path())
    assert (result.health, result.fact) == (health, f"http://127.0.0.1:{port}{fact}")
    assert ("a mirror that has it" in result.remedy) == (health == Health.NOTE)


def test_a_cluster_that_does_not_answer_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(200) as port:
        pass
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    result = service_checks.check_ray(Path())
    assert result.health == Health.FAIL
    assert "unset RAY_ADDRESS" in result.remedy


@pytest.mark.parametrize("address", ["head:abc", "head:99999", "ray://[abc"])
def test_an_address_of_a_cluster_that_is_none_has_a_remedy(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    result = service_checks.check_ray(Path())
    assert result.health == Health.FAIL
    assert result.fact.endswith(f", RAY_ADDRESS={address}: is not an address")
    assert "name the GCS of a cluster, such as HEAD:6379" in result.remedy


def test_a_check_that_raises_has_failed_and_the_others_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = {diagnosis.name: diagnosis for diagnosis in package.examine("no\0path")}
    assert list(found) == list(CHECKS)
    assert found["MLflow"].health == Health.FAIL
    assert found["MLflow"].fact.startswith("ValueError: ")


def test_a_store_that_cannot_be_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite://mlflow.db")
    with pytest.raises(UsageError, match="a path follows after three slashes"):
        service_checks.check_mlflow_store(Path())


def test_a_folder_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_here(["doctor", "--sweeps", str(tmp_path / "file")], tmp_path, variables={"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 1
    line = next(line for line in done.stdout.splitlines() if " disk " in line)
    assert line.startswith("fail  disk")
    assert "is a file; name a folder" in line
    assert [path.name for path in tmp_path.iterdir()] == ["file"]  # nothing is made


def test_the_clock_is_compared_with_the_disk(tmp_path: Path) -> None:
    assert machine_checks.check_clock(tmp_path / "not there").health == Health.OK
