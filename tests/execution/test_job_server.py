"""Addresses that are no job server of Ray's, and those that anybody can use: one line each, that says which."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sweeper.errors import UsageError
from sweeper.execution.job_server import JobServer

VERSION = '{"version": "4", "ray_version": "2.60.0"}'


@contextmanager
def web(status: int, kind: str, body: str) -> Iterator[int]:
    """A web server that says this when it is asked for jobs, whoever asks; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = body if self.path.endswith("/jobs/") else VERSION
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def speaking(words: bytes) -> Iterator[int]:
    """A port where one caller hears these bytes and no more; and any other nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(1000)
                caller.sendall(words)

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


def refusal(address: str) -> str:
    with pytest.raises(UsageError) as caught:
        JobServer(address)
    return str(caught.value)


def test_a_port_where_nobody_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = refusal(f"127.0.0.1:{port}")
    assert said.startswith(f"http://127.0.0.1:{port}: nothing answers there (Connection refused); is the cluster up?")


def test_a_host_that_is_not_there() -> None:
    assert refusal("http://nowhere.invalid:8265").startswith("http://nowhere.invalid:8265: nothing answers there (")


def test_a_port_where_grpc_is_spoken_is_taken_for_another_of_rays() -> None:
    settings = b"\x00\x00\x18\x04\x00\x00\x00\x00\x00" + b"\x00\x04\x00@\x00\x00" * 4  # HTTP/2's first frame
    with speaking(settings) as port:
        said = refusal(f"127.0.0.1:{port}")
    assert "a port of Ray's where gRPC is spoken, the GCS's (6379) or the client's (10001)" in said
    assert "8265" in said


@pytest.mark.parametrize(("status", "kind"), [(200, "text/html"), (404, "application/json"), (302, "text/html")])
def test_another_web_server(status: int, kind: str) -> None:
    with web(status, kind, "[]") as port:
        assert "what answers there is not the dashboard of a Ray cluster" in refusal(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["ray://head:10001", "ftp://head", "http://", "head:port", "", "http://head:99999"])
def test_what_is_no_address_of_a_dashboard(address: str) -> None:
    said = refusal(address)
    assert "http://HEAD:8265" in said
    assert len(said.splitlines()) == 1


def test_a_cluster_that_others_can_reach_without_a_token_is_refused_with_what_mends_it() -> None:
    with web(200, "application/json", "[]") as port:
        said = refusal(f"http://0.0.0.0:{port}")
        assert "this cluster wants no token" in said
        assert "ray get-auth-token --generate" in said
        assert "RAY_AUTH_MODE=token ray start --head" in said
        assert "--insecure" in said
        assert JobServer(f"http://127.0.0.1:{port}").jobs() == []
        assert JobServer(f"http://0.0.0.0:{port}", insecure=True).jobs() == []


@pytest.mark.parametrize(
    ("status", "token", "line"),
    [
        (401, None, "the cluster wants a token, and there is none here; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"),
        (403, "a-secret-that-nobody-sees", "the cluster refuses this token; RAY_AUTH_TOKEN must be what"),
    ],
)
def test_a_token_that_is_missing_or_wrong(
    status: int, token: str | None, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token:
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    with web(status, "text/plain", "no") as port:
        said = refusal(f"http://127.0.0.1:{port}")
    assert said.startswith(f"http://127.0.0.1:{port}: {line}")
    assert "secret" not in said
    assert len(said.splitlines()) == 1
