"""A proxy in front of a real server that simulates, on demand, what faulty networks and servers do."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Fault = Callable[["Exchange", int], None]


class Exchange(BaseHTTPRequestHandler):
    """One request. A fault may forward it, answer it, do both, or neither."""

    server: "_Server"
    body = b""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client has gone
            self.close_connection = True

    def _handle(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        proxy = self.server.proxy
        proxy.requests.append((self.command, self.path.partition("?")[0]))
        proxy.fault(self, len(proxy.requests))

    def __getattr__(self, name: str) -> Any:
        """Handle every method: the standard library calls do_GET, do_POST and so on."""
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def forward(self) -> tuple[int, bytes]:
        """Forward the request, and return the server's status and body."""
        backend = http.client.HTTPConnection("127.0.0.1", self.server.proxy.backend, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        try:
            backend.request(self.command, self.path, self.body, headers)
            answer = backend.getresponse()
            return answer.status, answer.read()
        finally:
            backend.close()

    def answer(self, status: int, body: bytes = b"") -> None:
        """Send an answer."""
        self.server.proxy.answered += 1
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: "FaultyProxy"


class FaultyProxy:
    """Listens on its own port between `open` and `close`. `fault` decides what happens to a request."""

    def __init__(self, backend: int) -> None:
        self.backend = backend
        self.fault: Fault = healthy
        self.requests: list[tuple[str, str]] = []
        self.answered = 0
        self.healed = threading.Event()
        self.port = 0
        self._server: _Server | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), Exchange)
        self._server.proxy, self.port = self, self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def heal(self) -> None:
        """Forward everything again, on the same port."""
        self.fault = healthy
        self.healed.set()
        if self._server is None:
            self.open()

    def count_requests(self, end: str) -> int:
        """Return how many requests had a path that ends so."""
        return sum(path.endswith(end) for _, path in self.requests)

    def __enter__(self) -> "FaultyProxy":
        self.open()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.healed.set()
        self.close()


def healthy(exchange: Exchange, _: int) -> None:
    """Forward and answer every request."""
    exchange.answer(*exchange.forward())


def unavailable(exchange: Exchange, _: int) -> None:
    """Answer every request with 503."""
    exchange.answer(503, b"busy")


def never_answer(exchange: Exchange, _: int) -> None:
    """Accept requests, and answer none."""
    exchange.server.proxy.healed.wait()
    exchange.close_connection = True


def answer_slowly(exchange: Exchange, _: int) -> None:
    """Answer each request after 0.3 s."""
    time.sleep(0.3)
    exchange.answer(*exchange.forward())


def fail_every_third(exchange: Exchange, number: int) -> None:
    """Answer each third request with 503, without forwarding it."""
    unavailable(exchange, number) if number % 3 == 0 else healthy(exchange, number)


def fail_every_fifth(exchange: Exchange, number: int) -> None:
    """Answer each fifth request with 503, without forwarding it."""
    unavailable(exchange, number) if number % 5 == 0 else healthy(exchange, number)


def lose_answers(exchange: Exchange, number: int) -> None:
    """Forward every request, but lose the answers to the creation of runs, and each third other answer."""
    answer = exchange.forward()
    if exchange.path.endswith("/runs/create") or number % 3 == 0:
        exchange.close_connection = True
    else:
        exchange.answer(*answer)


class LateCreation:
    """Answer the creation of a run with 503, but carry it out later, when it is requested again."""

    def __init__(self) -> None:
        self.waiting: dict[str, Exchange] = {}

    def __call__(self, exchange: Exchange, _: int) -> None:
        name = _run_name(exchange) if exchange.path.endswith("/runs/create") else None
        if name is not None and name not in self.waiting:
            self.waiting[name] = exchange
            exchange.answer(503, b"busy")
            return
        if name is not None:
            self.waiting[name].forward()
        exchange.answer(*exchange.forward())


def _run_name(exchange: Exchange) -> str:
    tags = {tag["key"]: tag["value"] for tag in json.loads(exchange.body)["tags"]}
    return str(tags["mlflow.runName"])
