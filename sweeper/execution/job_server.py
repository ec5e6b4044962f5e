"""Ray's job server, to which sweeps are submitted and by which they are followed and stopped.

The server is part of the cluster's dashboard and speaks HTTP. Anyone who reaches a server that asks for no token can
run code on the cluster. Such a server is refused unless it is on this machine.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import requests
from ray.exceptions import AuthenticationError
from ray.job_submission import JobDetails, JobSubmissionClient

from sweeper.errors import SweeperError, UsageError
from sweeper.execution.job_server_address import (
    ANSWER_TIMEOUT,
    PORT_HINT,
    explain_no_answer,
    innermost_cause,
    is_loopback,
    parse_address,
)
from sweeper.execution.ray_internals import (
    VERBOSE_JOB_LOGGERS,
    max_upload_bytes,
)
from sweeper.execution.ray_messages import CONNECTION_LOST_TEXTS, LAST_LOGS_TEXT, NO_JOB_AGENT_TEXT, TOKEN_REFUSED_TEXT

_FINAL_STATUSES = frozenset(("SUCCEEDED", "FAILED", "STOPPED"))
_SWEEPS_KEY = "sweeps"  # a job with this key in its metadata was submitted by sweeper
_POLL = 0.2  # seconds between two looks at a short job
_STOP_TIMEOUT = 30  # seconds that a driver has to close before Ray kills it
_NO_JOB_AGENT = (
    "no node can start a job because its job agent does not run; another Ray on the head's machine may use the agent's "
    "port: start the head with --dashboard-agent-listen-port=0"
)
_NO_TOKEN_NEEDED = (
    "this cluster asks for no token, so anyone who reaches it can run code; restart its head with "
    "`ray get-auth-token --generate` and `RAY_AUTH_MODE=token ray start --head --dashboard-host=0.0.0.0`, "
    "or use --insecure"
)


@dataclass(frozen=True)
class SubmittedJob:
    """A job that sweeper submitted.

    `sweeps` are the names of its sweeps. `began` and `ended` are Unix times in seconds, or None. `exit_code` is that of
    the driver, or None; if a signal killed it, the negative number of the signal.
    """

    id: str
    status: str
    sweeps: tuple[str, ...]
    began: float | None
    ended: float | None
    exit_code: int | None
    message: str

    @property
    def is_over(self) -> bool:
        """True if the job has ended."""
        return self.status in _FINAL_STATUSES


class JobServer:
    """The job server at `address`, such as http://head:8265.

    Raises UsageError, in one line, if nothing or something else answers there, if the token is missing or wrong, or if
    the server asks for none although other machines can reach it. `insecure` allows a server without a token.
    Its methods raise SweeperError, in one line, if the cluster no longer answers or refuses a request, and UsageError
    if it no longer accepts the token.
    """

    def __init__(self, address: str, *, insecure: bool = False) -> None:
        self.address, self.insecure = parse_address(address), insecure
        asks_for_token = self._probe()
        if not (asks_for_token or insecure or is_loopback(self.address)):
            raise UsageError(f"{self.address}: {_NO_TOKEN_NEEDED}")
        for name in VERBOSE_JOB_LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        with self._translated_errors():
            self._client = JobSubmissionClient(self.address)  # asks for the server's version, so it checks the token

    @property
    def max_upload(self) -> int:
        """The number of bytes that the server takes in one upload."""
        return max_upload_bytes()

    def jobs(self) -> list[SubmittedJob]:
        """Return the jobs that sweeper submitted, oldest first."""
        with self._translated_errors():
            all_details = self._client.list_jobs()
        jobs = [_to_job(details) for details in all_details if _SWEEPS_KEY in (details.metadata or {})]
        return sorted(jobs, key=lambda job: job.began or 0)

    def job(self, name: str) -> SubmittedJob:
        """Return one job. Raises UsageError if sweeper submitted none of that name."""
        jobs = {job.id: job for job in self.jobs()}
        if name not in jobs:
            names = f"name one of {', '.join(jobs)}" if jobs else "it has none yet; `sweeper submit` makes one"
            raise UsageError(f"{name}: no such job of sweeper on {self.address}; {names}")
        return jobs[name]

    def submit(self, name: str, command: str, folder: Path, env: Mapping[str, str], sweeps: tuple[str, ...]) -> None:
        """Send `folder` to the head and run `command` in it there, with the variables `env`."""
        variables = {**env, "RAY_JOB_STOP_WAIT_TIME_S": str(_STOP_TIMEOUT)}
        environment = {"working_dir": str(folder), "env_vars": variables}
        with self._translated_errors():
            self._submit(name, command, environment, {_SWEEPS_KEY: ",".join(sweeps)})

    def command(self, name: str) -> str:
        """Return the command that a job runs."""
        with self._translated_errors():
            return str(self._client.get_job_info(name).entrypoint)

    def run_beside(self, name: str, command: str) -> str:
        """Run a short command where a job runs, in its folder and with its variables. Return the output.

        The command is a job of its own without any resources, as the other one is, so Ray runs both on the head. It is
        deleted at its end. Where Ray could not run the command, the last line of the output has the reason.
        """
        own_name = f"{name}-{secrets.token_hex(4)}"
        with self._translated_errors():
            environment = self._client.get_job_info(name).runtime_env or {}
            self._submit(own_name, command, environment, {})
            details = self._client.get_job_info(own_name)
            while str(details.status) not in _FINAL_STATUSES:
                time.sleep(_POLL)
                details = self._client.get_job_info(own_name)
            log = self._client.get_job_logs(own_name)
            self._client.delete_job(own_name)
        has_failed = str(details.status) == "FAILED"
        return f"{log}\n{' '.join((details.message or '').split())}" if has_failed else log

    def _submit(self, name: str, command: str, environment: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
        """Submit a job, once a node can start it."""
        retry(
            lambda: self._client.submit_job(
                submission_id=name, entrypoint=command, runtime_env=dict(environment), metadata=dict(metadata)
            ),
            should_retry=lambda error: NO_JOB_AGENT_TEXT in str(error),
        )

    def stop(self, name: str) -> None:
        """Ask a job to close. Ray kills it if it does not."""
        with self._translated_errors():
            self._client.stop_job(name)

    def log(self, name: str) -> Iterator[str]:
        """Yield the output of a job from its beginning, in pieces, until the job ends."""
        pieces = self._client.tail_job_logs(name)

        async def next_piece() -> str | None:
            return await anext(pieces, None)

        with asyncio.Runner() as loop:  # on a signal it closes the connection
            while True:
                with self._translated_errors():
                    piece = loop.run(next_piece())
                if piece is None:
                    return
                yield piece

    def _probe(self) -> bool:
        """Return True if the server asks for a token. Raises UsageError if it is not a job server."""
        try:
            response = requests.get(f"{self.address}/api/jobs/", timeout=ANSWER_TIMEOUT, allow_redirects=False)
        except requests.exceptions.RequestException as error:
            raise UsageError(f"{self.address}: {explain_no_answer(self.address, error)}") from None
        if response.status_code in (401, 403):
            return True
        if response.status_code != 200 or "json" not in response.headers.get("content-type", ""):
            raise UsageError(f"{self.address}: this is not the dashboard of a Ray cluster; {PORT_HINT}")
        return False

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Raise the errors of Ray's client as one-line errors of ours."""
        try:
            yield
        except AuthenticationError as error:
            raise UsageError(f"{self.address}: {_explain_token_error(str(error))}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._silence(innermost_cause(error)) from None
        except (RuntimeError, ValueError) as error:
            if str(error).startswith(CONNECTION_LOST_TEXTS):
                raise self._silence(error) from None
            refusal = (
                f"the cluster refuses this ({' '.join(str(error).split())[:400]}); dashboard.log on its head says more"
            )
            message = _NO_JOB_AGENT if NO_JOB_AGENT_TEXT in str(error) else refusal
            raise SweeperError(f"{self.address}: {message}") from None

    def _silence(self, cause: object) -> SweeperError:
        reason = f"the cluster no longer answers ({cause})"
        return SweeperError(f"{self.address}: {reason}; once it is back, give the same command again")


def retry(call: Callable[[], object], should_retry: Callable[[Exception], bool], seconds: float = 20) -> None:
    """Call once a second until `call` succeeds, for at most `seconds`.

    Raises the last exception, or the first for which `should_retry` returns False.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            call()
        except Exception as error:
            if not should_retry(error) or time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def _explain_token_error(text: str) -> str:
    if text.startswith(TOKEN_REFUSED_TEXT):
        return "the cluster refuses this token; set RAY_AUTH_TOKEN to what `ray get-auth-token` prints on its head"
    return (
        "the cluster asks for a token and none is set here; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN, "
        "which `ray get-auth-token` prints on its head"
    )


def _to_job(details: JobDetails) -> SubmittedJob:
    return SubmittedJob(
        id=str(details.submission_id),
        status=str(details.status),
        sweeps=tuple((details.metadata or {}).get(_SWEEPS_KEY, "").split(",")),
        began=details.start_time / 1000 if details.start_time else None,
        ended=details.end_time / 1000 if details.end_time else None,
        exit_code=details.driver_exit_code,
        message=" ".join((details.message or "").partition(LAST_LOGS_TEXT)[0].split()),
    )
