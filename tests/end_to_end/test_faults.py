"""Faults of the machine during a real sweep: signals, closed terminals, dead and stopped workers, full disks.

Killed drivers are in test_kills.py, faults of MLflow in tests/tracking/test_mlflow_faults.py, faults of Ray in
tests/execution/test_ray_faults.py.
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

import sweeper as package
from sweeper.errors import RecordError
from tests.support.cli_runner import SWEEPER, environment, start, sweeper
from tests.support.processes import session_processes
from tests.support.record_invariants import find_violations
from tests.support.run_here import run_here

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
OFFLINE = {"HF_HUB_OFFLINE": "1"}


def arguments(folder: Path, *more: str) -> list[str]:
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    return ["run", "sweep.yaml", *more]


def long_arguments(folder: Path) -> list[str]:
    """Return the arguments of a sweep whose first epoch takes minutes, and write its files."""
    for name, count in (("train", 20_000), ("validation", 20)):
        rows = (f"{name} {k}{' and so on' * 10},{'up' if k % 2 else 'down'}\n" for k in range(count))
        (folder / f"{name}.csv").write_text(f"text,label\n{''.join(rows)}", encoding="utf-8")
    text = SWEEP.replace("dataset: feelings", "dataset: {train: train.csv, validation: validation.csv}")
    text = text.replace("limit: {train: 300, validation: 120}\n", "").replace("hidden_size: 384", "hidden_size: 1024")
    (folder / "long.yaml").write_text(text, encoding="utf-8")
    return ["run", "long.yaml"]


def assert_ended_in_first_epoch(folder: Path) -> None:
    assert record_contains(folder / "sweeps", b'"number"')
    assert not record_contains(folder / "sweeps", b'"report:1"')


def only_sweep(sweeps: Path) -> Path:
    (path,) = (manifest.parent for manifest in sweeps.glob("*/sweep.json"))
    return path


def assert_intact(sweeps: Path) -> None:
    violations = find_violations(only_sweep(sweeps), f"sqlite:///{sweeps.resolve() / 'mlflow.db'}")
    assert not violations, "\n".join(violations)


def eventually(what: str, holds: object, seconds: float = 120) -> None:
    """Wait until `holds` returns something true. Fails after `seconds`, and names `what` it waited for."""
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


def record_contains(path: Path, text: bytes) -> bool:
    """Return True if the record of the sweep below `path` contains `text`."""
    return any(text in record.read_bytes() for record in path.glob("*/record.journal"))


def workers(driver: int) -> list[int]:
    """Return Ray's training processes of the command with this process number. The command leads its session."""
    return [pid for pid, command in session_processes(driver).items() if "ray::ImplicitFunc" in command]


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_a_second_driver_is_refused_and_a_signal_ends_the_first_in_the_middle_of_an_epoch(
    tmp_path: Path, number: signal.Signals
) -> None:
    running = start(*long_arguments(tmp_path), cwd=tmp_path, extra=OFFLINE)
    eventually("a trial", lambda: record_contains(tmp_path / "sweeps", b'"number"'))
    second = run_here(["run", "long.yaml", "--inline"], tmp_path, variables=OFFLINE)
    assert second.returncode == 2
    assert "another sweeper drives this sweep" in second.stderr
    eventually("its worker", lambda: workers(running.pid))
    running.send_signal(number)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 143
    assert "interrupted; the same command continues where it stopped" in output
    assert_ended_in_first_epoch(tmp_path)
    eventually("the workers to end", lambda: not workers(running.pid))


def test_second_ctrl_c_ends_the_sweep_at_once(tmp_path: Path) -> None:
    running = start(*long_arguments(tmp_path), cwd=tmp_path, extra=OFFLINE)
    assert running.stdout is not None
    eventually("its worker", lambda: workers(running.pid))
    running.send_signal(signal.SIGINT)
    for line in running.stdout:
        if line.startswith("closing; a second Ctrl-C ends it at once"):
            break
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    last = output.splitlines()[-1]
    assert last.startswith("ended at once; the same command continues where it stopped: sweeper run ")
    eventually("the workers to end", lambda: not workers(running.pid))


@pytest.mark.slow
def test_closed_terminal_ends_the_sweep_in_good_order(tmp_path: Path) -> None:
    command = [*SWEEPER, *long_arguments(tmp_path)]
    driver, terminal = pty.fork()
    if driver == 0:
        os.chdir(tmp_path)
        os.execve(SWEEPER[0], command, environment({**OFFLINE, "TERM": "xterm"}))
    eventually("its worker", lambda: os.read(terminal, 65536) and workers(driver))
    os.close(terminal)
    eventually("its end", lambda: os.waitid(os.P_PID, driver, os.WEXITED | os.WNOHANG | os.WNOWAIT), seconds=60)
    assert os.waitstatus_to_exitcode(os.waitpid(driver, 0)[1]) == 143
    assert_ended_in_first_epoch(tmp_path)
    shown = run_here(["show", only_sweep(tmp_path / "sweeps").name], tmp_path, variables=OFFLINE)
    assert "interrupted" in shown.stdout, shown.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_trial_of_a_killed_or_stopped_worker_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    running = start(*arguments(tmp_path, "--set", "stall_minutes=0.25"), cwd=tmp_path, extra=OFFLINE)
    eventually("a report", lambda: record_contains(tmp_path / "sweeps", b'"report:1"'))
    victim = workers(running.pid)[0]
    os.kill(victim, number)
    output, _ = running.communicate(timeout=240)
    assert running.returncode == 0, output
    assert_intact(tmp_path / "sweeps")
    assert not Path(f"/proc/{victim}").exists()
    reason = "its worker process died" if number == signal.SIGKILL else "gave no sign of life for 0.25 minutes"
    assert reason in output or not record_contains(
        tmp_path / "sweeps", b'"attempt"'
    )  # it may have been between two trials


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 60 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", place]).returncode:
        pytest.skip("mounting a disk of its own needs root")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.slow
def test_full_disk_gives_one_line_and_the_sweep_continues_when_there_is_space(tmp_path: Path, small_disk: Path) -> None:
    where = arguments(tmp_path, "--sweeps", str(small_disk))
    running = start(*where, cwd=tmp_path, extra=OFFLINE)
    eventually("a report", lambda: record_contains(small_disk, b'"report:1"'))
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        eventually("its end", lambda: _fill_disk(file.fileno()) and running.poll() is not None)
    output, _ = running.communicate(timeout=10)
    assert running.returncode == 1, output
    (line,) = (line for line in output.splitlines() if "record.journal: cannot be written" in line)
    assert "No space left on device" in line
    assert "fix that and run the same command again to continue" in line
    assert "Traceback" not in output
    filler.unlink()
    done = sweeper(*where, cwd=tmp_path, extra=OFFLINE)
    assert done.returncode == 0, done.stderr
    assert_intact(small_disk)


def _fill_disk(descriptor: int) -> bool:
    """Write until the disk is full, then return True."""
    with suppress(OSError):
        while os.write(descriptor, bytes(4096)):
            pass
    return True


def test_folder_that_cannot_be_written_gives_one_line_and_exit_code_2(tmp_path: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    read_only = "cannot be written (Read-only file system)"
    for place, why in ((small_disk / "sweeps", read_only), (tmp_path / "file", "is a file; name a folder")):
        done = run_here(arguments(tmp_path, "--sweeps", str(place)), tmp_path, variables=OFFLINE)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert str(place) in line
        assert why in line


def test_files_changed_after_the_sweep_has_finished_are_detected(tmp_path: Path) -> None:
    def run() -> None:
        spec = package.load(tmp_path / "sweep.yaml", overrides=["budget.trials=2", "training.hidden_size=16"])
        package.run(spec, sweeps=tmp_path / "sweeps", inline=True, progress=False)

    arguments(tmp_path)
    run()
    folder = only_sweep(tmp_path / "sweeps")
    results = (folder / "results.json").read_bytes()
    for altered in (results.replace(b"validation/accuracy", b"validation/Accuracy"), results[:100]):
        assert altered != results
        (folder / "results.json").write_bytes(altered)
        run()
        assert (folder / "results.json").read_bytes() == results
    record = folder / "record.journal"
    lines = record.read_bytes().splitlines(keepends=True)
    lines[9] = lines[9].replace(b"0", b"1")
    record.write_bytes(b"".join(lines))
    with pytest.raises(RecordError, match=r"record\.journal:10: this record is damaged or missing"):
        run()
