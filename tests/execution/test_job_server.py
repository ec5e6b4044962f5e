"""Addresses where no job server answers and servers open to anybody, in one line each; and what a server is asked."""

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SweeperError, UsageError
from sweeper.execution.job_server import JobServer, retry
from tests.support.web_server import Answer, serve_answers

VERSION = '{"version": "4", "ray_version": "2.60.0"}'


@contextmanager
def web_server(status: int, kind: str, body: str) -> Iterator[int]:
    """Run a web server that gives this answer to every request for jobs, and yield its port."""
    jobs, version, unknown = Answer(body, status, kind), Answer(VERSION, status, kind), Answer("", 501, "text/plain")
    answers = {"GET .*/jobs/": jobs, "GET .*": version, ".*": unknown}
    with serve_answers(answers) as port:
        yield port


@contextmanager
def raw_server(answer: bytes) -> Iterator[int]:
    """Open a port, send these bytes to the first caller and nothing to any other, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(1000)
                caller.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def refusal(address: str) -> str:
    """Return the message with which this address is refused."""
    with pytest.raises(UsageError) as caught:
        JobServer(address)
    return str(caught.value)


def test_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    message = refusal(f"127.0.0.1:{port}")
    assert message.startswith(
        f"http://127.0.0.1:{port}: nothing answers there (Connection refused); is the cluster up?"
    )


def test_host_that_does_not_exist() -> None:
    assert refusal("http://nowhere.invalid:8265").startswith("http://nowhere.invalid:8265: nothing answers there (")


def test_port_that_speaks_grpc_is_taken_for_another_port_of_ray() -> None:
    settings = b"\x00\x00\x18\x04\x00\x00\x00\x00\x00" + b"\x00\x04\x00@\x00\x00" * 4  # HTTP/2's first frame
    with raw_server(settings) as port:
        message = refusal(f"127.0.0.1:{port}")
    assert "a port where Ray speaks gRPC, the GCS's (6379) or the client's (10001)" in message
    assert "8265" in message


@pytest.mark.parametrize(("status", "kind"), [(200, "text/html"), (404, "application/json"), (302, "text/html")])
def test_other_web_server(status: int, kind: str) -> None:
    with web_server(status, kind, "[]") as port:
        assert "this is not the dashboard of a Ray cluster" in refusal(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address",
    ["ray://head:10001", "ftp://head", "http://", "head:port", "", "http://head:99999", "http://[head", "[head"],
)
def test_text_that_is_not_the_address_of_a_dashboard(address: str) -> None:
    message = refusal(address)
    assert "http://HEAD:8265" in message
    assert len(message.splitlines()) == 1


def test_cluster_that_others_can_reach_without_a_token_is_refused_with_a_remedy() -> None:
    with web_server(200, "application/json", "[]") as port:
        message = refusal(f"http://0.0.0.0:{port}")
        assert "this cluster asks for no token" in message
        assert "ray get-auth-token --generate" in message
        assert "RAY_AUTH_MODE=token ray start --head" in message
        assert "--insecure" in message
        assert JobServer(f"http://127.0.0.1:{port}").jobs() == []
        assert JobServer(f"http://0.0.0.0:{port}", insecure=True).jobs() == []


@pytest.mark.parametrize(
    ("status", "token", "line"),
    [
        (401, None, "the cluster asks for a token and none is set here; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"),
        (403, "a-secret-that-nobody-sees", "the cluster refuses this token; set RAY_AUTH_TOKEN to what"),
    ],
)
def test_token_that_is_missing_or_wrong(
    status: int, token: str | None, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token:
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    with web_server(status, "text/plain", "no") as port:
        message = refusal(f"http://127.0.0.1:{port}")
    assert message.startswith(f"http://127.0.0.1:{port}: {line}")
    assert "secret" not in message
    assert len(message.splitlines()) == 1


# ---- a server that answered, and later does not


JOB = (
    '{"type": "SUBMISSION", "submission_id": "sst5-1", "status": "RUNNING", "entrypoint": "e", "message": "it\\n runs",'
    ' "start_time": 5000, "metadata": {"sweeps": "sst5,sst2"}}'
)
FOREIGN = JOB.replace("sst5-1", "mine").replace('{"sweeps": "sst5,sst2"}', "{}")


def test_the_jobs_of_sweeper_are_told_from_others_and_an_unknown_name_lists_them() -> None:
    with web_server(200, "application/json", f"[{FOREIGN}, {JOB}]") as port:
        server = JobServer(f"http://127.0.0.1:{port}")
        (job,) = server.jobs()
        assert (job.id, job.sweeps, job.began, job.ended, job.is_over) == ("sst5-1", ("sst5", "sst2"), 5.0, None, False)
        assert job.message == "it runs"
        assert server.job("sst5-1") == job
        with pytest.raises(UsageError) as unknown:
            server.job("mine")
        place = f"http://127.0.0.1:{port}"
        assert str(unknown.value) == f"mine: no such job of sweeper on {place}; name one of sst5-1"
    with (
        web_server(200, "application/json", "[]") as port,
        pytest.raises(UsageError, match=r"it has none yet; `sweeper submit` makes one$"),
    ):
        JobServer(f"http://127.0.0.1:{port}").job("mine")


def test_the_message_of_a_failed_job_does_not_repeat_its_log() -> None:
    """Ray's message has up to 20,000 characters of the log, with its events, and the user has seen them."""
    said = "Job entrypoint command failed with exit code 2, last available logs (truncated to 20,000 chars):\\n{} no"
    failed = JOB.replace("it\\n runs", said).replace("RUNNING", "FAILED")
    with web_server(200, "application/json", f"[{failed}]") as port:
        (job,) = JobServer(f"http://127.0.0.1:{port}").jobs()
    assert job.message == "Job entrypoint command failed with exit code 2"


def test_a_cluster_that_ends_meanwhile_is_one_line() -> None:
    with web_server(200, "application/json", "[]") as port:
        server = JobServer(f"http://127.0.0.1:{port}")
    for call in (server.jobs, lambda: server.stop("sst5-1")):
        with pytest.raises(SweeperError) as ended:
            call()
        line = str(ended.value)
        assert line.startswith(f"http://127.0.0.1:{port}: the cluster no longer answers (")
        assert len(line.splitlines()) == 1


def test_what_the_cluster_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    with web_server(200, "application/json", "[]") as port:
        server = JobServer(f"http://127.0.0.1:{port}")
        with pytest.raises(SweeperError) as refused:
            server.stop("sst5-1")  # the server knows no such request
    line = str(refused.value)
    assert line.startswith(f"http://127.0.0.1:{port}: ")
    assert "501" in line
    assert len(line.splitlines()) == 1


# ---- calls that are made again


def test_a_call_is_made_again_while_its_error_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    failures = [RuntimeError("not yet"), RuntimeError("not yet")]

    def call() -> None:
        if failures:
            raise failures.pop()

    retry(call, lambda error: "not yet" in str(error))
    assert naps == [1, 1]
    with pytest.raises(ZeroDivisionError):
        retry(lambda: 1 / 0, lambda error: isinstance(error, RuntimeError))
    with pytest.raises(ZeroDivisionError):
        retry(lambda: 1 / 0, lambda _: True, seconds=-1)
    assert naps == [1, 1]


# ---- a command beside a job


class JobsApi:
    """Ray's HTTP interface, as far as it is used, with one running job. A submitted command ends after two looks."""

    running: Mapping[str, Any] = {
        "type": "SUBMISSION", "submission_id": "a-1", "status": "RUNNING", "entrypoint": "exec sweeper run a.yaml",
        "runtime_env": {"working_dir": "gcs://_ray_pkg_0123456789abcdef.zip", "env_vars": {"MLFLOW_TRACKING_URI": "u"}},
    }  # fmt: skip

    def __init__(self, end: Mapping[str, Any]) -> None:
        self.end, self.submitted, self.deleted, self.looks = end, dict[str, Any](), list[str](), 0

    def get(self, path: str) -> Any:
        if path == "/api/version":
            return json.loads(VERSION)
        name = path.removeprefix("/api/jobs/").removesuffix("/logs")
        if path.endswith("/logs"):
            return {"logs": f"the log of {name}\n"}
        if name in ("", "a-1"):
            return self.running if name else []
        assert name == self.submitted["submission_id"]
        self.looks += 1
        state = {"status": "PENDING"} if self.looks < 3 else self.end
        return {**self.running, "submission_id": name, **state}


@contextmanager
def jobs_api(api: JobsApi) -> Iterator[JobServer]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self, values: Any) -> None:
            body = json.dumps(values).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            if self.path.endswith("/logs/tail"):
                self.break_off()
            elif "/packages/" in self.path:
                self.send_error(404)
            else:
                self.answer(api.get(self.path))

        def break_off(self) -> None:
            """Open a WebSocket and leave it without a word, as a server that dies."""
            key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455
            self.protocol_version = "HTTP/1.1"
            self.send_response(101)
            self.send_header("upgrade", "websocket")
            self.send_header("connection", "upgrade")
            self.send_header("sec-websocket-accept", b64encode(sha1(key.encode()).digest()).decode())
            self.end_headers()
            self.close_connection = True

        def do_POST(self) -> None:
            api.submitted = json.loads(self.rfile.read(int(self.headers["content-length"])))
            name = api.submitted["submission_id"]
            self.answer({"job_id": name, "submission_id": name})

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.answer({})

        def do_DELETE(self) -> None:
            api.deleted.append(self.path.removeprefix("/api/jobs/"))
            self.answer({"deleted": True})

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield JobServer(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()


def test_rays_client_says_nothing_about_what_it_sends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.yaml").write_text("dataset: sst5")
    with caplog.at_level("INFO"), jobs_api(JobsApi({})) as server:
        server.submit("a-1", "exec sweeper run a.yaml", tmp_path, {}, ("a",))
    assert [record.name for record in caplog.records if record.name.startswith("ray")] == []


def test_a_command_beside_a_job_has_its_folder_and_variables_and_is_no_job_of_sweeper() -> None:
    api = JobsApi({"status": "SUCCEEDED"})
    with jobs_api(api) as server:
        assert server.command("a-1") == "exec sweeper run a.yaml"
        said = server.run_beside("a-1", "exec sweeper stop a.yaml 3")
    name = api.submitted["submission_id"]
    assert name.startswith("a-1-")
    assert said == f"the log of {name}\n"
    assert api.submitted["entrypoint"] == "exec sweeper stop a.yaml 3"
    assert api.submitted["runtime_env"] == api.running["runtime_env"]
    assert "sweeps" not in api.submitted.get("metadata", {})
    assert not [key for key in api.submitted if key.startswith("entrypoint_")]  # with resources it may leave the head
    assert api.deleted == [name]


def test_a_command_that_ray_could_not_run_ends_with_the_reason() -> None:
    with jobs_api(JobsApi({"status": "FAILED", "message": "no such\n package"})) as server:
        assert server.run_beside("a-1", "exec sweeper stop a.yaml 3").splitlines()[-1] == "no such package"


@pytest.mark.filterwarnings("ignore:ssl=None is deprecated")  # Ray's client
def test_a_head_that_dies_while_a_job_is_followed_no_longer_answers() -> None:
    with jobs_api(JobsApi({})) as server, pytest.raises(SweeperError) as ended:
        list(server.log("a-1"))
    line = str(ended.value)
    assert line.startswith(f"{server.address}: the cluster no longer answers (WebSocket ")
    assert line.endswith("once it is back, give the same command again")
