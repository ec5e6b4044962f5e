"""A web server on loopback with answers that are known beforehand."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True)
class Answer:
    """The answer of a server to a request."""

    body: str
    status: int = 200
    kind: str = "application/json"


Answers = Mapping[str, Answer]  # by patterns of "METHOD /path"; the first that fits is given, and hangs up without one


class _Handler(BaseHTTPRequestHandler):
    """Answers each request as the server's `answers` say."""

    answers: Answers

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        request = f"{self.command} {self.path}"
        found = [answer for pattern, answer in self.answers.items() if re.fullmatch(pattern, request)]
        for answer in found[:1]:
            self.send_response(answer.status)
            self.send_header("content-type", answer.kind)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body.encode())

    do_GET = do_POST = do_DELETE = do_PUT = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serve_answers(answers: Answers) -> Iterator[int]:
    """Run a server until the end of the block, and give its port."""
    handler = type("Handler", (_Handler,), {"answers": answers})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
