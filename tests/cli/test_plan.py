"""`sweeper plan` says what would run and use, refuses what exceeds a limit, and leaves its times for `sweeper run`."""

import json
import re
from pathlib import Path

import pytest

import sweeper as package
from tests.support.run_here import run_here

SPACE = """
dataset: {train: notes.csv}
compare: {encoder: [gru], loss: [ce, scl]}
search: {batch_size: [4, 8], tau: {log: [0.1, 1]}}
training: {epochs: 4, vocabulary: 50}
asha: {grace_epochs: 1, reduction_factor: 2}
budget: {trials: 6}
confirm: {seeds: 2}
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    rows = "".join(
        f"note {k} is {'good' if k % 2 else 'poor'} {k % 7},{'up' if k % 2 else 'down'}\n" for k in range(80)
    )
    (tmp_path / "notes.csv").write_text(f"text,label\n{rows}")
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path / "space.yaml"


@pytest.mark.parametrize("columns", ["60", "80", "100"])
def test_what_would_run_is_said_without_data(tmp_path: Path, space: Path, columns: str) -> None:
    (tmp_path / "notes.csv").write_text("text,label\n")  # nobody reads it
    done = run_here(["plan", str(space), "--no-calibrate"], tmp_path, variables={"COLUMNS": columns})
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    for expected in (
        "encoder gru, loss scl: 3 trials",
        "tau 0.1 to 1 (log), if loss is scl",
        "6 trials, at most 24 epochs, about",
        "ASHA: after epoch 1 about",
        "4 trainings with fresh seeds, about 16 epochs",
    ):
        assert expected in text
    assert max(map(len, done.stdout.splitlines()[1:])) <= int(columns)
    assert not (tmp_path / "sweeps").exists()


def test_a_calibration_gives_time_memory_and_disk_and_leaves_its_times(tmp_path: Path, space: Path) -> None:
    before = set(tmp_path.iterdir())
    done = run_here(["plan", str(space), "--json", "--inline"], tmp_path)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    use = plan["use"]
    assert 0 < use["hours"]["low"] < use["hours"]["expected"] < use["hours"]["high"] < 1
    assert use["cpu_hours"]["expected"] < use["hours"]["expected"] * plan["slots"] * plan["cpu"] + 0.01
    assert use["memory_bytes"] > 10**8
    assert 0 < use["disk_bytes"] < 10**8 < use["free_disk_bytes"]
    assert len(use["timed"]) == 4
    assert set(tmp_path.iterdir()) == {*before, tmp_path / "sweeps"}
    assert [path.suffix for path in (tmp_path / "sweeps/.plans").iterdir()] == [".json"]


def test_a_limit_that_would_be_exceeded_is_one_line_and_exit_code_2(tmp_path: Path, space: Path) -> None:
    done = run_here(["plan", str(space), "--inline", "--set", "budget.hours=0.0001"], tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("--set budget.hours=0.0001: budget.hours: the search takes about ")
    assert "searched" in done.stdout


def test_a_run_uses_the_times_of_the_plan(tmp_path: Path, space: Path) -> None:
    assert run_here(["plan", str(space), "--inline"], tmp_path).returncode == 0
    run, few = ("run", str(space), "--inline", "--set", "confirm.seeds=0"), ("--set", "budget.trials=2")
    short = ("--set", "budget.hours=0.0001")
    refused = run_here([*run, *few, *short], tmp_path)
    assert refused.returncode == 2
    assert "budget.hours: the search takes about " in refused.stderr
    assert "; allow more, or ask for about 1 budget.trials" in refused.stderr
    assert not list((tmp_path / "sweeps").glob("*/sweep.json"))
    begun = run_here([*run, *few], tmp_path)
    assert begun.returncode == 0, begun.stderr
    assert re.search(r"checkpoints take up to .*; about [^(]+ \([^)]+ to [^)]+\) in all\n", begun.stdout)
    resumed = run_here([*run, *short], tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert " in all\n" not in resumed.stdout


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_said(tmp_path: Path, space: Path) -> None:
    done = run_here(["plan", str(space), "--sweeps", "/proc/sweeps"], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--sweeps /proc/sweeps: /proc cannot be written (")
    done = run_here(["plan", str(space), "--no-calibrate", "--sweeps", "/proc/sweeps"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")  # it needs none


def test_the_function_returns_the_same_plan(tmp_path: Path, space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = package.plan(package.load(space), calibrate=False, progress=False)
    assert (plan.trials, plan.use, plan.place) == (6, None, "this machine")
    assert isinstance(plan, package.SweepPlan)
