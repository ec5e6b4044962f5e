"""Processes for the arms. Each arm has its own, which stays: it imports and loads once, and no arm disturbs another."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.local_environment import local_environment
from benchmarks.worker_processes import worker_pool

_QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error",
    "RAY_USAGE_STATS_ENABLED": "0", "PYTHONWARNINGS": "ignore",
}  # fmt: skip


class ArmProcess:
    """A Python process with an environment of its own, which names no server. What it prints goes to a file."""

    def __init__(self, log: Path, environment: Mapping[str, str] = {}) -> None:  # never changed
        self.pool = worker_pool(1, _redirect_output, str(log))
        with _restored_environment():
            variables = {**local_environment(), **_QUIET, **environment}
            os.environ.clear()
            os.environ.update(variables)
            self.pool.submit(os.getpid).result()  # the process starts here

    def submit(self, function: str, *arguments: Any) -> "Future[Any]":
        """Call the function package.module:name there, and return its future. The module is imported only there."""
        return self.pool.submit(_call, function, arguments)

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function there, and return its result."""
        return self.submit(function, *arguments).result()

    def close(self) -> None:
        """End the process."""
        self.pool.shutdown(cancel_futures=True)


def worker_environment() -> Mapping[str, str]:
    """Return the environment variables with which sweeper starts its workers."""
    with _restored_environment():  # the import sets them here too, where the peers would inherit them
        from sweeper.execution.ray_environment import WORKER_ENVIRONMENT
    return WORKER_ENVIRONMENT


@contextmanager
def _restored_environment() -> Iterator[None]:
    """Restore this process's environment at the end of the context."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _redirect_output(log: str) -> None:
    """Send what the process and its libraries print to a file."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)


def _call(function: str, arguments: tuple[Any, ...]) -> Any:
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)(*arguments)
