"""Ray's job server: where a sweep is submitted to a cluster, followed and stopped.

The server is the cluster's dashboard, by HTTP. Whoever reaches one that wants no token can run what he likes there, so
one that is not on this machine is refused.
"""

import asyncio
import ipaddress
import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import requests
from ray.exceptions import AuthenticationError
from ray.job_submission import JobDetails, JobSubmissionClient

from sweeper.errors import SweeperError, UsageError

OVER = frozenset(("SUCCEEDED", "FAILED", "STOPPED"))
_SWEEPS = "sweeps"  # the key of a job's metadata that makes it ours
_ANSWERS = 10.0  # seconds that a server has for its first answer
_CLOSES = 30  # seconds that a driver has to close before Ray kills it
_WHERE = "its dashboard's port is 8265 unless `ray start --dashboard-port` said otherwise"
_TALKATIVE = ("ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk")  # each has a level of its own
_NO_AGENT = "No available agent to submit job"
_AGENT = (
    "no node can start a job: its agent is not up, as where another Ray on the head's machine has its port; "
    "start the head with --dashboard-agent-listen-port=0"
)
_GRPC = {6379: "the GCS's (6379)", 10001: "the client's (10001)"}
_SECURE = """{address}: this cluster wants no token: whoever reaches it can run code there; start its head anew with
  ray get-auth-token --generate
  RAY_AUTH_MODE=token ray start --head --dashboard-host=0.0.0.0
or use --insecure"""


@dataclass(frozen=True)
class SubmittedJob:
    """A job that sweeper submitted. `sweeps` are the names of its sweeps, `began` and `ended` Unix times or None."""

    id: str
    status: str
    sweeps: tuple[str, ...]
    began: float | None
    ended: float | None
    exit_code: int | None
    message: str

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in OVER


class JobServer:
    """The job server at `address`, such as http://head:8265.

    Raises UsageError, in one line, where nothing answers there, where something else does, where the token is missing
    or wrong, and where the server wants none although other machines can reach it, unless `insecure`.
    """

    def __init__(self, address: str, *, insecure: bool = False) -> None:
        self.address = _checked(address)
        wants_token = self._probe()
        if not (wants_token or insecure or _loopback(self.address)):
            raise UsageError(_SECURE.format(address=self.address))
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.ERROR)
        with self._trouble():
            self._client = JobSubmissionClient(self.address)  # asks for the version, and so with the token

    def jobs(self) -> list[SubmittedJob]:
        """The jobs that sweeper submitted, the oldest first."""
        with self._trouble():
            found = [_job(details) for details in self._client.list_jobs() if _SWEEPS in (details.metadata or {})]
        return sorted(found, key=lambda job: job.began or 0)

    def job(self, name: str) -> SubmittedJob:
        """One job. Raises UsageError where there is none of that name."""
        known = {job.id: job for job in self.jobs()}
        if name not in known:
            there = ", ".join(known) or "none"
            raise UsageError(f"{name}: no such job of sweeper on {self.address}; there are: {there}")
        return known[name]

    def submit(self, name: str, command: str, folder: Path, env: Mapping[str, str], sweeps: tuple[str, ...]) -> None:
        """Send a folder and run a command in it on the head, with these variables."""
        variables = {**env, "RAY_JOB_STOP_WAIT_TIME_S": str(_CLOSES)}
        with self._trouble():
            retry(
                lambda: self._client.submit_job(
                    submission_id=name,
                    entrypoint=command,
                    runtime_env={"working_dir": str(folder), "env_vars": variables},
                    metadata={_SWEEPS: ",".join(sweeps)},
                ),
                lambda error: _NO_AGENT in str(error),
            )

    def stop(self, name: str) -> None:
        """Ask a job to close; Ray kills it where it does not."""
        with self._trouble():
            self._client.stop_job(name)

    def log(self, name: str) -> Iterator[str]:
        """What a job has printed and prints, in pieces, until it ends."""
        pieces = self._client.tail_job_logs(name)

        async def following() -> str | None:
            return await anext(pieces, None)

        with asyncio.Runner() as loop:  # which closes what a signal interrupts
            while True:
                with self._trouble():
                    piece = loop.run(following())
                if piece is None:
                    return
                yield piece

    def _probe(self) -> bool:
        """Whether the server wants a token; raises where it is none."""
        try:
            answer = requests.get(f"{self.address}/api/jobs/", timeout=_ANSWERS, allow_redirects=False)
        except requests.exceptions.RequestException as error:
            raise UsageError(f"{self.address}: {_unanswered(self.address, error)}") from None
        if answer.status_code in (401, 403):
            return True
        if answer.status_code != 200 or "json" not in answer.headers.get("content-type", ""):
            raise UsageError(f"{self.address}: what answers there is not the dashboard of a Ray cluster; {_WHERE}")
        return False

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """What the client raises, as one line of ours."""
        try:
            yield
        except AuthenticationError as error:
            raise UsageError(f"{self.address}: {_unauthenticated(str(error))}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise SweeperError(f"{self.address}: the cluster does not answer any more ({_cause(error)})") from None
        except (RuntimeError, ValueError) as error:
            if _NO_AGENT in str(error):
                raise SweeperError(f"{self.address}: {_AGENT}") from None
            raise SweeperError(f"{self.address}: {' '.join(str(error).split())[:400]}") from None


def retry(call: Callable[[], object], worth: Callable[[Exception], bool], seconds: float = 20) -> None:
    """Call, and again each second while what it raises is worth it; raises what it raised last."""
    last = time.monotonic() + seconds
    while True:
        try:
            call()
        except Exception as error:
            if not worth(error) or time.monotonic() > last:
                raise
            time.sleep(1)
        else:
            return


def _checked(address: str) -> str:
    whole = address if "://" in address else f"http://{address}"
    parts = urlsplit(whole)
    if parts.scheme == "ray":
        raise UsageError(f"{address}: that is the port of Ray's client; name the dashboard's, http://HEAD:8265")
    try:
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        known = False
    if not known:
        raise UsageError(f"{address}: no address of a cluster; name its dashboard, as http://HEAD:8265")
    return whole.rstrip("/")


def _loopback(address: str) -> bool:
    """Whether an address leads to this machine alone."""
    host = urlsplit(address).hostname or ""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(one).partition("%")[0]).is_loopback for one in found)


def _unanswered(address: str, error: Exception) -> str:
    """Why there was no answer by HTTP: nobody is there, or somebody who speaks something else, as Ray's other ports."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=_ANSWERS):
            pass
    except OSError as unreachable:
        return f"nothing answers there ({_cause(unreachable)}); is the cluster up? {_WHERE}"
    if "BadStatusLine" not in repr(error):
        return f"what is there gives no answer ({_cause(error)}); {_WHERE}"
    whose = _GRPC.get(port, " or ".join(_GRPC.values()))
    return f"that is a port of Ray's where gRPC is spoken, {whose}; {_WHERE}"


def _unauthenticated(text: str) -> str:
    if text.startswith("Authentication failed"):
        return "the cluster refuses this token; RAY_AUTH_TOKEN must be what `ray get-auth-token` prints on its head"
    return (
        "the cluster wants a token, and there is none here; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN, "
        "which `ray get-auth-token` prints on its head"
    )


def _cause(error: BaseException) -> str:
    """The innermost reason, in a few words."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split()).rpartition(": ")[2].strip("'\")(")[:120]


def _job(details: JobDetails) -> SubmittedJob:
    return SubmittedJob(
        id=str(details.submission_id),
        status=str(details.status),
        sweeps=tuple((details.metadata or {}).get(_SWEEPS, "").split(",")),
        began=details.start_time / 1000 if details.start_time else None,
        ended=details.end_time / 1000 if details.end_time else None,
        exit_code=details.driver_exit_code,
        message=" ".join((details.message or "").split()),
    )
