"""Workers keep what they free for the next trial, and Ray leaves the environment of the driver as it was."""

import os
import platform
import subprocess
import sys

import pytest

from sweeper.execution.ray_environment import WORKER_ENVIRONMENT
from sweeper.execution.ray_runner import RayRunner

_ALLOCATE_IN_THREADS = """
import ctypes, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
all_there = threading.Barrier(4)
def allocate():
    libc.malloc(1 << 20)
    all_there.wait(30)
threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
stdout = ctypes.c_void_p.in_dll(libc, "stdout")
libc.malloc_info(0, stdout)
libc.fflush(stdout)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
@pytest.mark.parametrize(("environment", "is_one"), [(WORKER_ENVIRONMENT, True), ({}, False)])
def test_all_threads_of_a_worker_allocate_in_one_arena(environment: dict[str, str], *, is_one: bool) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"} | dict(environment)
    command = [sys.executable, "-c", _ALLOCATE_IN_THREADS]
    arenas = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=True).stdout
    assert (arenas.count("<heap nr=") == 1) is is_one, arenas


@pytest.mark.ray
def test_the_program_keeps_its_own_debugger_once_ray_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONBREAKPOINT", "pdb.set_trace")
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with RayRunner() as runner:
        runner.allocate(1, 0)
        assert os.environ["PYTHONBREAKPOINT"] != "pdb.set_trace"
    assert os.environ["PYTHONBREAKPOINT"] == "pdb.set_trace"
    assert "RAY_AUTH_MODE" not in os.environ
