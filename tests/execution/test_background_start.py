"""Work in the background, as the start of Ray is: what it raises, and what its processes inherit."""

import signal
import subprocess
import sys
import threading

import pytest

from sweeper.execution.background_start import BackgroundStart


def test_work_runs_beside_the_caller_and_its_thread_stays_until_it_is_closed() -> None:
    may_end, threads = threading.Event(), list[threading.Thread]()

    def start() -> None:
        may_end.wait(10)
        threads.append(threading.current_thread())

    background = BackgroundStart(start)
    assert background.is_running
    may_end.set()
    background.wait()
    background.repeat()
    assert not background.is_running
    assert threads[0] is threads[1] is not threading.current_thread()
    assert threads[0].is_alive()  # a process that Linux ends with its thread lives on
    background.close(lambda: threads.append(threading.current_thread()))
    assert threads[2] is threading.current_thread()
    assert not threads[0].is_alive()


def test_an_error_is_raised_where_the_work_is_waited_for_and_not_at_the_end() -> None:
    def fail() -> None:
        raise ValueError("no room")

    background, ended = BackgroundStart(fail), list[bool]()
    for wait in (background.wait, background.repeat):
        with pytest.raises(ValueError, match="no room"):
            wait()
    background.close(lambda: ended.append(True))
    assert ended == [True]


def test_its_processes_survive_a_closed_terminal_but_the_caller_hears_of_it() -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGHUP); print('alive')"
    answers: list[str] = []

    def start() -> None:
        answers.append(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout)

    background = BackgroundStart(start)
    background.wait()
    background.close(lambda: None)
    assert answers == ["alive\n"]
    assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_its_thread_outlives_what_a_process_does_at_its_end() -> None:
    script = """if True:
        import atexit, threading
        from sweeper.execution.background_start import BackgroundStart
        threads = []
        atexit.register(lambda: print(threads[0].is_alive()))
        BackgroundStart(lambda: threads.append(threading.current_thread())).wait()
    """
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.returncode) == ("True\n", 0), ended.stderr
