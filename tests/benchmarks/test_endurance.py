"""The checks of the endurance benchmark: what counts as repeated and as a violation, and an empty folder."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.endurance.__main__ import main
from benchmarks.endurance.commands import session_processes
from benchmarks.endurance.kill_schedule import Tally
from benchmarks.endurance.record_check import read_records
from benchmarks.endurance.sweeper_arm import SweeperArm
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.yaml_file import load_yaml
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.conftest import ROOT
from tests.support.fakes import report

SWEEP = Path("benchmarks/endurance/sweep.yaml")


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[SweepFolder, Trial]:
    """A sweep below tmp_path / "0" whose first trial has ended."""
    spec = parse_spec(load_yaml(SWEEP))
    folder = create_sweep(tmp_path / "0" / "sweeps", spec, {}, 1, ["a", "b"], {}, [])
    folder.write_spec(spec)
    with closing(OptunaStudy(spec, folder.journal, threads=1)) as study:
        trial = study.ask(0)
        study.report(trial, report(1, 0.5))
        study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
    return folder, trial


def test_a_trial_that_is_repeated_between_two_kills_counts(sweep: tuple[SweepFolder, Trial], tmp_path: Path) -> None:
    arm, (folder, trial) = SweeperArm(Tally()), sweep
    arm.killed(tmp_path / "0")
    ended = read_records(folder.path)
    again = {trial.number: replace(ended[trial.number], trial=replace(trial, attempt=2))}
    arm.before = again  # as after a second kill, before which the trial was started again
    assert arm._is_repeated(trial.number, again)
    assert not arm._is_repeated(trial.number, ended)


def test_the_same_violation_counts_once_in_each_sweep(tmp_path: Path) -> None:
    arm = SweeperArm(tally := Tally())
    for folder in ("0", "0", "1"):
        arm._add_violations(tmp_path / folder, ["trial 3: has no end"])
    assert tally.violations == [f"{tmp_path / folder}: trial 3: has no end" for folder in ("0", "1")]


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sweeper").mkdir()
    assert main(["--folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"--folder {tmp_path}: is not an empty folder; name a new one\n"


INTERRUPTED = """
import sys
from pathlib import Path
from benchmarks.endurance.commands import exits_at_sigterm, run
sweep = "import os, signal, sys; os.fork(); open(sys.argv[1], 'w').write(f'{os.getsid(0)} '); signal.pause()"
with exits_at_sigterm():
    run([sys.executable, "-c", sweep, sys.argv[2]], Path(sys.argv[1]) / "screen.log")
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_benchmark_that_is_ended_ends_its_sweep(number: int, code: int, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    benchmark = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(tmp_path / "out"), str(pipe)], cwd=ROOT,
                                 stderr=subprocess.DEVNULL)  # fmt: skip
    sessions = {int(word) for word in pipe.read_text().split()}
    assert len(sessions) == 1
    session = sessions.pop()
    assert session_processes(session)
    benchmark.send_signal(number)
    assert benchmark.wait(timeout=60) == code
    assert not session_processes(session)
