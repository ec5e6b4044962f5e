"""`sweeper ls` tells the state of every sweep in a folder, whatever happened to it."""

import io
import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import sweeper as package
from sweeper.protocol.confirmation import pending
from sweeper.protocol.sweep_summary import SweepState
from sweeper.terminal.sweeps_table import sweeps_table
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.run_here import run_here


@pytest.fixture
def sweeps(tmp_path: Path) -> Path:
    return tmp_path / "sweeps"


def state_of(sweeps: Path) -> SweepState:
    (summary,) = package.list_sweeps(sweeps)
    return summary.state


def test_the_state_follows_from_the_record_and_its_lock(sweeps: Path) -> None:
    sweep = RecordedSweep(sweeps)
    assert state_of(sweeps) == SweepState.NOT_BEGUN
    sweep.search([Outcome.COMPLETED, None])
    assert state_of(sweeps) == SweepState.INTERRUPTED
    with sweep.study():
        (running,) = package.list_sweeps(sweeps)
        assert (running.state, running.trainings_ended, running.trainings_planned) == (SweepState.RUNNING, 2, 12)
        assert f"process {os.getpid()} on " in running.driver
    assert state_of(sweeps) == SweepState.INTERRUPTED
    sweep.finish()
    (finished,) = package.list_sweeps(sweeps)
    assert finished.state == SweepState.FINISHED
    assert finished.best is not None
    assert (finished.best.trial, finished.best.seeds, round(finished.best.score, 4)) == (1, 2, 0.415)


@pytest.mark.parametrize(
    "outcomes", [[Outcome.FAILED] * 3, [Outcome.FAILED] * 4, [Outcome.DIVERGED] * 4, [Outcome.COLLAPSED] * 4]
)
def test_a_sweep_in_which_no_trial_succeeded_has_failed(outcomes: list[Outcome], sweeps: Path) -> None:
    RecordedSweep(sweeps, asha="off").search(outcomes)
    (failed,) = package.list_sweeps(sweeps)
    assert (failed.state, failed.best) == (SweepState.FAILED, None)
    number = 2 * len(outcomes)
    assert failed.problem == f"none of the {number} trials succeeded: {number} {outcomes[0].label}"


def test_a_single_trial_or_seed_without_a_success_is_told_in_the_singular(sweeps: Path) -> None:
    one: dict[str, Any] = {
        "compare": {"encoder": ["m"], "loss": ["ce"]},
        "budget": {"trials": 1},
        "confirm": {"seeds": 1},
    }
    RecordedSweep(sweeps / "trial", **one).search([Outcome.FAILED])
    (failed,) = package.list_sweeps(sweeps / "trial")
    assert failed.problem == "the only trial did not succeed: 1 failed"
    sweep = RecordedSweep(sweeps / "seed", **one).search()
    with sweep.study() as study:
        ((source, seed_index),) = pending(sweep.spec, study.all_trials())
        study.end_trial(study.confirm(source, seed_index), TrialEnd(Outcome.FAILED, "why"))
    (failed,) = package.list_sweeps(sweeps / "seed")
    assert failed.problem == "the only training with a fresh seed did not succeed: 1 failed"


def test_a_sweep_that_may_still_succeed_has_not_failed(sweeps: Path) -> None:
    RecordedSweep(sweeps, asha="off").search([Outcome.COLLAPSED] * 3)
    assert state_of(sweeps) == SweepState.INTERRUPTED


def test_a_sweep_without_a_confirmed_model_has_failed(sweeps: Path) -> None:
    sweep = RecordedSweep(sweeps).search([Outcome.COMPLETED] * 4)
    with sweep.study() as study:
        for source, seed_index in pending(sweep.spec, study.all_trials()):
            study.end_trial(study.confirm(source, seed_index), TrialEnd(Outcome.OUT_OF_MEMORY, "why"))
    (failed,) = package.list_sweeps(sweeps)
    problem = "none of the 4 trainings with fresh seeds succeeded: 4 out of memory"
    assert (failed.state, failed.problem) == (SweepState.FAILED, problem)


def test_the_reason_of_a_failure_stands_below_the_list_and_in_the_sweep_itself(sweeps: Path) -> None:
    name = RecordedSweep(sweeps, asha="off").search([Outcome.COLLAPSED] * 4).folder.name
    reason = "none of the 8 trials succeeded: 8 collapsed"
    listed = run_here(["ls"], sweeps.parent).stdout.splitlines()
    assert listed[-1] == f"{name}: {reason}"
    assert listed[1].split()[:4] == [name, "failed", "8/12", "-"]
    shown = run_here(["show", name], sweeps.parent).stdout.splitlines()
    assert shown[1].startswith("failed, 8 of 12 trainings, ")
    assert shown[2] == reason
    assert shown[-1] == f"try it again:          sweeper run sweeps/{name}/sweep.yaml"
    as_json = json.loads(run_here(["show", name, "--json"], sweeps.parent).stdout)
    assert (as_json["state"], as_json["best"], as_json["problem"]) == ("failed", None, reason)


@pytest.mark.parametrize(
    ("name", "text"), [("sweep.json", "{"), ("sweep.yaml", "dataset: ["), ("record.journal", "not a record\n\n")]
)
def test_a_damaged_sweep_does_not_hide_the_others(name: str, text: str, sweeps: Path) -> None:
    RecordedSweep(sweeps).search()
    damaged = RecordedSweep(sweeps, seed=1).search()
    (damaged.folder.path / name).write_text(text, encoding="utf-8")
    states = {summary.sweep: summary.state for summary in package.list_sweeps(sweeps)}
    assert states[damaged.folder.name] == SweepState.DAMAGED
    assert sorted(states.values()) == [SweepState.DAMAGED, SweepState.INTERRUPTED]
    done = run_here(["ls"], sweeps.parent)
    assert done.returncode == 0
    assert f"{damaged.folder.path.relative_to(sweeps.parent)}" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(("content", "state"), [(None, "missing"), ("", "empty")])
def test_a_finished_sweep_that_lost_its_record_is_damaged(content: str | None, state: str, sweeps: Path) -> None:
    folder = RecordedSweep(sweeps).search().finish().folder
    folder.journal.unlink()
    if content is not None:
        folder.journal.write_text(content)
    (summary,) = package.list_sweeps(sweeps)
    assert summary.state == SweepState.DAMAGED
    assert f"results without their record: record.journal is {state}" in summary.problem


def test_a_sweep_that_is_deleted_meanwhile_is_left_out(sweeps: Path) -> None:
    kept, deleted = RecordedSweep(sweeps).search().folder, RecordedSweep(sweeps, seed=1).search().folder
    manifest = deleted.path / "sweep.json"
    manifest.unlink()
    os.mkfifo(manifest)

    def delete_while_it_is_read() -> None:
        with manifest.open("w"):  # waits for the reader
            shutil.rmtree(deleted.path)

    deleting = threading.Thread(target=delete_while_it_is_read, daemon=True)
    deleting.start()
    assert [summary.sweep for summary in package.list_sweeps(sweeps)] == [kept.name]
    deleting.join(60)
    assert not deleting.is_alive()


@pytest.mark.parametrize("columns", ["40", "60", "120"])
def test_a_program_reads_a_sweep_from_one_line(columns: str, sweeps: Path) -> None:
    finished = RecordedSweep(sweeps).search().finish()
    done = run_here(["ls", "--sweeps", str(sweeps)], sweeps.parent, variables={"COLUMNS": columns})
    head, line = done.stdout.splitlines()
    assert head.split()[:2] == ["sweep", "state"]
    assert line.split()[:4] == [finished.folder.name, "finished", "6", "0.4150"]


@pytest.mark.parametrize(("seeds", "basis"), [(1, "accuracy, 1 fresh seed "), (2, "accuracy, 2 fresh seeds ")])
def test_the_score_of_a_finished_sweep_says_how_many_seeds_it_is_the_mean_of(
    seeds: int, basis: str, sweeps: Path
) -> None:
    RecordedSweep(sweeps, confirm={"seeds": seeds}).search([Outcome.COMPLETED]).finish()
    assert basis in run_here(["ls"], sweeps.parent, variables={"COLUMNS": "120"}).stdout


def test_a_confirmed_sweep_with_a_long_name_has_one_line_at_80_columns(sweeps: Path) -> None:
    RecordedSweep(sweeps, confirm={"seeds": 2}).search([Outcome.COMPLETED]).finish()
    summaries = [it.model_copy(update={"sweep": "feelings-7e97dad1"}) for it in package.list_sweeps(sweeps)]
    console = Console(file=io.StringIO(), width=80)
    console.print(sweeps_table(summaries, time.time(), 80))
    _, line = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "accuracy, 2 seeds " in line


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        ("feelings-7e97dad1", "sweep state trainings best age size"),
        ("persian-reviews-7e97dad1", "sweep state trainings best age"),
        ("persian-film-reviews-7e97dad1", "sweep state trainings best"),
    ],
)
def test_the_name_of_a_sweep_stays_whole_at_60_columns(name: str, heads: str, sweeps: Path) -> None:
    RecordedSweep(sweeps, confirm={"seeds": 2}).search([Outcome.COMPLETED]).finish()
    summaries = [it.model_copy(update={"sweep": name, "bytes": 812_000}) for it in package.list_sweeps(sweeps)]
    console = Console(file=io.StringIO(), width=60)
    console.print(sweeps_table(summaries, time.time(), 60))
    head, line = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert " ".join(head.split()) == heads
    assert line.startswith(f"{name} ")


def test_the_json_is_one_object(sweeps: Path) -> None:
    RecordedSweep(sweeps).search()
    done = run_here(["ls", "--json"], sweeps.parent)
    (summary,) = json.loads(done.stdout)["sweeps"]
    assert (summary["state"], summary["trainings_ended"], summary["best"]["seeds"]) == ("interrupted", 2, 0)


def test_a_folder_without_sweeps_says_so(tmp_path: Path) -> None:
    assert run_here(["ls"], tmp_path).stdout == "no sweeps in sweeps\n"
    (tmp_path / "file").touch()
    done = run_here(["ls", "--sweeps", "file"], tmp_path)
    assert (done.returncode, done.stderr) == (2, "--sweeps file: is a file; name the folder that holds the sweeps\n")
