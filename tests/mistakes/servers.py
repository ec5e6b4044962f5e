"""Servers on loopback that a mistake of the catalogue meets, by name: a cluster's dashboard, and what is none."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from sweeper.app.specs import load_spec
from sweeper.search_space.sweep_spec import fingerprint
from tests.support.web_server import Answer, Answers, serve_answers

_ANY = r"\w+ /.*"
_LIST = r"GET /api/jobs/"


def _dashboard(*jobs: Mapping[str, Any], **requests: Answer) -> Answers:
    """Return the answers of a cluster's dashboard that has these jobs of sweeper."""
    version = Answer(json.dumps({"version": "4", "ray_version": "2.60.0", "ray_commit": "0"}))
    found = {rf"GET /api/jobs/{job['submission_id']}": Answer(json.dumps(job)) for job in jobs}
    return {"GET /api/version": version, _LIST: Answer(json.dumps(jobs)), **found, **requests}


def _job(sweeps: str = "sst5-1", status: str = "RUNNING", name: str = "sst5-1-1") -> Mapping[str, Any]:
    """Return a job as a dashboard lists it."""
    state = {"type": "SUBMISSION", "submission_id": name, "status": status, "message": ""}
    return {**state, "entrypoint": "exec sweeper run --sweeps x", "metadata": {"sweeps": sweeps}}


def submitted_name() -> str:
    """Return the name that the sweep of space.yaml has on a cluster."""
    spec = load_spec("space.yaml")
    return f"{spec.dataset_spec.name}-{fingerprint(spec.identity, {})}"


def _runs_space() -> Answers:
    """Return the answers of a dashboard whose job has the sweep of space.yaml."""
    return _dashboard(_job(submitted_name(), name="running-1"))


def _cannot_start() -> Answers:
    """Return the answers of a dashboard whose cluster runs no second job: each one fails at once."""
    failed = {**_job(status="FAILED"), "message": "no disk"}
    beside = r"/api/jobs/sst5-1-1-\w+"
    requests = {
        "POST /api/jobs/": Answer('{"submission_id": "sst5-1-1-0", "job_id": "sst5-1-1-0"}'),
        f"GET {beside}": Answer(json.dumps(failed)),
        f"GET {beside}/logs": Answer('{"logs": ""}'),
        f"DELETE {beside}": Answer('{"deleted": true}'),
    }
    return _dashboard(_job(), **requests)


def _fails() -> Answers:
    """Return the answers of an MLflow server that has no experiment, and lists none."""
    none = Answer('{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}', 404)
    return {r"GET .*/experiments/get-by-name.*": none, _ANY: Answer("broken", 500, "text/plain")}


def _all(*answer: Any) -> Answers:
    return {_ANY: Answer(*answer)}


SERVERS: Mapping[str, Callable[[], Answers]] = {
    "a web page": partial(_all, "<html>hello</html>", 200, "text/html"),
    "a web server without that page": partial(_all, "<html>no</html>", 404, "text/html"),
    "any JSON": partial(_all, '{"detail": "no"}'),
    "a server with a password": partial(_all, '{"detail": "no"}', 401),
    "a server that refuses": partial(_all, '{"detail": "no"}', 403),
    "an MLflow server that fails": _fails,
    "a dashboard without jobs": _dashboard,
    "a dashboard with a job": partial(_dashboard, _job()),
    "a dashboard with a job of two sweeps": partial(_dashboard, _job("sst5-1,sst5-2")),
    "a dashboard with a job that is over": partial(_dashboard, _job(status="SUCCEEDED")),
    "a dashboard that refuses": partial(
        _dashboard, _job(), **{"POST /api/jobs/sst5-1-1/stop": Answer("the head is read-only", 500, "text/plain")}
    ),
    "a dashboard that runs space.yaml": _runs_space,
    "a dashboard that runs no second job": _cannot_start,
    "a dashboard that ends": lambda: {_LIST: Answer("[]")},
}


@contextmanager
def serve(name: str) -> Iterator[int]:
    """Run a server of SERVERS until the end of the block, and give its port; 0 without a name."""
    if not name:
        yield 0
        return
    with serve_answers(SERVERS[name]()) as port:
        yield port
