"""Worker processes of benchmarks: they get what they need before a job, and end with their parent."""

import operator
import signal
import subprocess
import sys

from benchmarks.worker_processes import worker_pool

BUSY = """
import signal
from benchmarks.worker_processes import worker_pool
pool = worker_pool(1)
pool.submit(print, "a worker is busy", flush=True)
pool.submit(signal.pause).result()
"""


def test_a_worker_calls_its_initializer_first() -> None:
    with worker_pool(1, sys.setrecursionlimit, 1234) as pool:
        assert pool.submit(sys.getrecursionlimit).result() == 1234
        assert list(pool.map(operator.neg, [1, 2])) == [-1, -2]


def test_workers_end_with_a_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "a worker is busy\n"
        parent.send_signal(signal.SIGKILL)
        assert parent.communicate(timeout=30)[0] == ""  # the output ends when no process has it open
