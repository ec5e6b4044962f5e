"""A real sweep meets what happens to machines: signals, closed terminals, dead and stopped workers, full disks.

Killed drivers are in test_kills.py, MLflow's faults in tracking/test_mlflow_faults.py, Ray's own in
runners/test_ray_faults.
"""

import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.cli_runner import SWEEPER, environment, start, sweeper
from tests.support.record_invariants import find_violations

pytestmark = [pytest.mark.ray, pytest.mark.mlflow]

SWEEP = """
dataset: feelings
limit: {train: 300, validation: 120}
compare: {encoder: [rnn], loss: [ce, scl]}
search: {learning_rate: {log: [1e-3, 1e-2]}}
training: {epochs: 3, batch_size: 4, embedding_size: 64, hidden_size: 384, vocabulary: 2000, max_length: 32}
asha: {grace_epochs: 1, reduction_factor: 2}
budget: {trials: 4}
confirm: {seeds: 0}
"""
LONG = ("--set", "training.hidden_size=1024", "--set", "training.epochs=50")  # an epoch takes far more than 20 s
OFFLINE = {"HF_HUB_OFFLINE": "1"}


def arguments(folder: Path, *more: str) -> list[str]:
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    return ["run", "sweep.yaml", *more]


def only_sweep(sweeps: Path) -> Path:
    (path,) = (found.parent for found in sweeps.glob("*/sweep.json"))
    return path


def assert_whole(sweeps: Path) -> None:
    found = find_violations(only_sweep(sweeps), f"sqlite:///{sweeps.resolve() / 'mlflow.db'}")
    assert not found, "\n".join(found)


def eventually(what: str, holds: object, seconds: float = 120) -> None:
    """Poll until it holds; a deadline that passes is a failure that says what was waited for."""
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


def has(path: Path, text: bytes) -> bool:
    """Whether the record of the one sweep below `path` has this in it."""
    return any(text in record.read_bytes() for record in path.glob("*/record.journal"))


def workers(driver: int) -> list[int]:
    """The processes of Ray's that train, of the command with this process number, which leads its session."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            _, _, rest = (entry / "stat").read_text().rpartition(")")
            if "ray::ImplicitFunc" in (entry / "cmdline").read_text() and int(rest.split()[3]) == driver:
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_an_epoch_under_way_is_given_up_within_20_seconds_and_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    running = start(*arguments(tmp_path, *LONG), cwd=tmp_path, extra=OFFLINE)
    eventually("a trial", lambda: has(tmp_path / "sweeps", b'"number"'))
    eventually("its worker", lambda: workers(running.pid))
    running.send_signal(number)
    said, _ = running.communicate(timeout=20)
    assert running.returncode == 143
    assert "interrupted; the same command goes on where it stopped" in said
    eventually("the workers to end", lambda: not workers(running.pid))


def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    running = start(*arguments(tmp_path, *LONG), cwd=tmp_path, extra=OFFLINE)
    eventually("its worker", lambda: workers(running.pid))
    running.send_signal(signal.SIGINT)
    time.sleep(0.2)  # a finger's
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=3)
    assert running.returncode == 130
    assert said.endswith("ended at once; the same command goes on where it stopped\n")
    eventually("the workers to end", lambda: not workers(running.pid))


def test_a_second_driver_is_kept_out(tmp_path: Path) -> None:
    running = start(*arguments(tmp_path, *LONG), cwd=tmp_path, extra=OFFLINE)
    try:
        eventually("a trial", lambda: has(tmp_path / "sweeps", b'"number"'))
        second = sweeper(*arguments(tmp_path, *LONG), "--inline", cwd=tmp_path, extra=OFFLINE)
        assert second.returncode == 2
        assert "another sweeper drives this sweep" in second.stderr
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate(timeout=60)


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_it_in_order(tmp_path: Path) -> None:
    arguments(tmp_path)
    driver, terminal = pty.fork()
    if driver == 0:
        os.chdir(tmp_path)
        os.execve(SWEEPER[0], [*SWEEPER, "run", "sweep.yaml", *LONG], environment({**OFFLINE, "TERM": "xterm"}))
    eventually("its worker", lambda: os.read(terminal, 65536) and workers(driver))
    os.close(terminal)
    eventually("its end", lambda: os.waitid(os.P_PID, driver, os.WEXITED | os.WNOHANG | os.WNOWAIT), seconds=20)
    assert os.waitstatus_to_exitcode(os.waitpid(driver, 0)[1]) == 143
    again = sweeper(*arguments(tmp_path), cwd=tmp_path, extra=OFFLINE)
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_that_is_killed_or_stopped_loses_its_trial_nothing(tmp_path: Path, number: signal.Signals) -> None:
    running = start(*arguments(tmp_path, "--set", "stall_minutes=0.1"), cwd=tmp_path, extra=OFFLINE)
    eventually("a report", lambda: has(tmp_path / "sweeps", b'"report:1"'))
    victim = workers(running.pid)[0]
    os.kill(victim, number)
    said, _ = running.communicate(timeout=240)
    assert running.returncode == 0, said
    assert_whole(tmp_path / "sweeps")
    assert not Path(f"/proc/{victim}").exists()
    reason = "its worker process died" if number == signal.SIGKILL else "gave no sign of life for 0.1 minutes"
    assert reason in said or not has(tmp_path / "sweeps", b'"attempt"')  # it may have been between two trials


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", place]).returncode:
        pytest.skip("mounting a disk of its own needs root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.slow
def test_a_disk_that_is_full_is_one_line_and_it_goes_on_when_there_is_space(tmp_path: Path, small_disk: Path) -> None:
    where = arguments(tmp_path, "--sweeps", str(small_disk))
    running = start(*where, cwd=tmp_path, extra=OFFLINE)
    eventually("a report", lambda: has(small_disk, b'"report:1"'))
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        eventually("its end", lambda: _filled(file.fileno()) and running.poll() is not None)
    said, _ = running.communicate(timeout=10)
    assert running.returncode == 1, said
    (line,) = (line for line in said.splitlines() if "record.journal: cannot be written" in line)
    assert "No space left on device" in line
    assert "the same command goes on where it stopped" in line
    assert "Traceback" not in said
    filler.unlink()
    done = sweeper(*where, cwd=tmp_path, extra=OFFLINE)
    assert done.returncode == 0, done.stderr
    assert_whole(small_disk)


def _filled(descriptor: int) -> bool:
    """Take what a disk still has; True then."""
    with suppress(OSError):
        while os.write(descriptor, bytes(4096)):
            pass
    return True


def test_a_folder_that_cannot_be_written_is_one_line_and_exit_2(tmp_path: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for place, why in ((small_disk / "sweeps", "Read-only file system"), (tmp_path / "file", "")):
        done = sweeper(*arguments(tmp_path, "--sweeps", str(place)), cwd=tmp_path, extra=OFFLINE)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert str(place) in line
        assert f"cannot be written ({why}" in line


def test_what_is_altered_after_a_sweep_has_finished_is_found(tmp_path: Path) -> None:
    where = arguments(tmp_path, "--inline", "--set", "budget.trials=2", "--set", "training.hidden_size=16")
    assert sweeper(*where, cwd=tmp_path, extra=OFFLINE).returncode == 0
    folder = only_sweep(tmp_path / "sweeps")
    results = (folder / "results.json").read_bytes()
    for altered in (results.replace(b"validation/accuracy", b"validation/Accuracy"), results[:100]):
        assert altered != results
        (folder / "results.json").write_bytes(altered)
        again = sweeper(*where, cwd=tmp_path, extra=OFFLINE)
        assert again.returncode == 0, again.stderr
        assert (folder / "results.json").read_bytes() == results
    record = folder / "record.journal"
    lines = record.read_bytes().splitlines(keepends=True)
    lines[9] = lines[9].replace(b"0", b"1")
    record.write_bytes(b"".join(lines))
    damaged = sweeper(*where, cwd=tmp_path, extra=OFFLINE)
    assert damaged.returncode == 1
    assert "record.journal:10: this record is damaged or missing" in damaged.stderr
