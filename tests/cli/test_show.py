"""`sweeper show` says what a sweep and its trials did, whether it runs, was interrupted or is finished."""

import json
import shutil
from pathlib import Path

import pytest

import sweeper as package
from sweeper.errors import UsageError
from sweeper.trials.outcome import Outcome
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.run_here import run_here


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> RecordedSweep:
    """A sweep in which trials completed, were stopped early and failed."""
    recorded = RecordedSweep(tmp_path_factory.mktemp("show") / "sweeps")
    return recorded.search([Outcome.COMPLETED, Outcome.COMPLETED, Outcome.COMPLETED]).finish()


def lines(sweep: RecordedSweep, *arguments: str) -> list[str]:
    cwd = sweep.folder.path.parents[1]
    done = run_here(["show", sweep.folder.name, *arguments], cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_finished_sweep_shows_its_best_and_why_each_trial_ended(sweep: RecordedSweep) -> None:
    shown = lines(sweep)
    assert shown[1].startswith("finished, 10 trainings, began ")
    stopped = next(line.split("  ") for line in shown if line.startswith("    3 "))
    assert "after epoch 1: 0.2500, needed 0.3000" in [cell.strip() for cell in stopped]
    assert any("fresh seed 2 of trial 1" in line for line in shown)
    assert shown[-1] == f"train the best again:  sweeper train sweeps/{sweep.folder.name} 1"


def test_the_curves_of_all_trials_have_one_scale_which_is_said(sweep: RecordedSweep) -> None:
    shown = lines(sweep)
    low, high = (next(line for line in shown if line.startswith(f"    {trial} ")).split() for trial in (5, 1))
    assert "▁" in low
    assert "▄▇██" in high
    assert "curve: accuracy from ▁ 0.2000 to █ 0.4500" in shown


def test_an_interrupted_sweep_shows_the_command_that_continues_it(tmp_path: Path) -> None:
    recorded = RecordedSweep(tmp_path / "else where").search([Outcome.FAILED, None])
    done = run_here(["show", str(recorded.folder.path)], tmp_path)
    folder = recorded.folder.path
    assert f"continue it:           sweeper run '{folder / 'sweep.yaml'}' --sweeps '{folder.parent}'" in done.stdout
    assert "KeyError: 'why it failed'" in done.stdout
    assert done.stdout.count("  interrupted  ") == 2  # a trial of each system
    with recorded.study():
        running = run_here(["show", str(recorded.folder.path)], tmp_path).stdout
    assert "running, 2 of 12 trainings" in running
    assert "driven by process " in running
    assert "continue it:" not in running


def test_a_copy_of_a_sweep_names_the_folder_that_continues_in_its_place(tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path / "sweeps").search().folder
    shutil.copytree(folder.path, folder.path.parent / "backup")
    remedy = "its search space continues that one; move that one away to continue this one"
    shown = run_here(["show", "backup"], tmp_path, variables={"COLUMNS": "200"}).stdout
    assert f"a copy of:             sweeps/{folder.name}; {remedy}" in shown.splitlines()
    assert "continue it:" not in shown
    shown = run_here(["show", folder.name], tmp_path).stdout
    assert "a copy of:" not in shown
    assert f"continue it:           sweeper run sweeps/{folder.name}/sweep.yaml" in shown


@pytest.mark.parametrize("command", [["show"], ["stop"], ["clone"]], ids=str)
def test_no_command_is_said_to_continue_a_sweep_where_it_continues_another(command: list[str], tmp_path: Path) -> None:
    sweeps = tmp_path / "sweeps"
    older = RecordedSweep(sweeps).search().folder
    newer = RecordedSweep(sweeps).search().folder
    shutil.copytree(newer.path, sweeps / "backup")
    trial = ["1"] if command == ["clone"] else []
    remedy = "its search space continues that one; move that one away to continue this one"
    for name, relation in ((older.name, "older than"), ("backup", "a copy of")):
        done = run_here([*command, name, *trial], tmp_path, variables={"COLUMNS": "200"})
        assert done.returncode == 0, done.stderr
        assert f"sweeps/{newer.name}; {remedy}" in done.stdout
        assert relation in done.stdout
        assert "sweeper run" not in done.stdout
    done = run_here([*command, newer.name, *trial], tmp_path)
    assert f"sweeper run sweeps/{newer.name}/sweep.yaml" in done.stdout


def test_a_sweep_that_has_not_begun_has_no_trials(tmp_path: Path) -> None:
    recorded = RecordedSweep(tmp_path / "sweeps")
    assert "not begun, 0 of 12 trainings" in lines(recorded)[1]
    done = run_here(["show", recorded.folder.name, "1"], tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        f"sweeps/{recorded.folder.name}: has no trial 1, none has begun\n",
    )


def test_a_trial_shows_against_what_it_was_stopped(sweep: RecordedSweep) -> None:
    shown = [line.strip() for line in lines(sweep, "5")]
    assert shown[0] == f"{sweep.folder.name} trial 5, ce: stopped early"
    assert shown[1:3] == [
        "stopped after epoch 1: 0.2000, needed 0.2750",
        "at epoch 1 before it: trial 1 0.3000, trial 3 0.2500",
    ]
    assert any("●" in line for line in shown)
    assert shown[-1] == f"train it again:  sweeper train sweeps/{sweep.folder.name} 5"


@pytest.mark.parametrize("trial", ["0", "11", "-1"])
def test_a_trial_that_is_not_there_is_one_line(trial: str, sweep: RecordedSweep) -> None:
    done = run_here(["show", sweep.folder.name, "--", trial], sweep.folder.path.parents[1])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sweeps/{sweep.folder.name}: has no trial {trial}, allowed: 1 to 10\n"
    with pytest.raises(UsageError, match="has no trial"):
        package.open(sweep.folder.path).reports(int(trial))


def test_programs_get_the_same_values(sweep: RecordedSweep) -> None:
    whole = json.loads("\n".join(lines(sweep, "--json")))
    assert (whole["state"], whole["results"]["sweep"]) == ("finished", sweep.folder.name)
    trial = json.loads("\n".join(lines(sweep, "3", "--json")))
    assert (trial["outcome"], len(trial["reports"])) == ("stopped_early", 1)
    opened = package.open(sweep.folder.path)
    assert opened.summary.state == "finished"
    assert opened.reports(1)["validation/accuracy"].round(4).tolist() == [0.3, 0.4, 0.4333, 0.45]
