"""`sweeper stop` and `sweeper watch`: what they say, and a real sweep that is stopped while somebody watches."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

import sweeper as package
from sweeper.errors import UsageError
from sweeper.protocol.sweep_summary import SweepState
from sweeper.trials.outcome import Outcome
from tests.support.cli_runner import SWEEPER, environment, start
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.run_here import run_here

SPACE = """
dataset: feelings
limit: {train: 300, validation: 60}
compare: {encoder: [rnn]}
search: {learning_rate: {log: [1e-3, 1e-2]}}
training: {epochs: 1000, batch_size: 4, max_length: 16}
asha: off
budget: {trials: 3}
confirm: {seeds: 0}
"""


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Return the only line of a command that ended with this exit code."""
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert len(text.splitlines()) == 1, text
    return text.strip()


def test_a_sweep_that_nobody_drives_has_nothing_to_stop(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search([Outcome.COMPLETED, None])
    name = sweep.folder.name
    continues = f"{name}: nobody drives it; continue it: sweeper run sweeps/{name}/sweep.yaml"
    assert one_line(run_here(["stop", name], tmp_path), 0) == continues
    assert one_line(run_here(["watch", name], tmp_path), 1) == continues
    assert one_line(run_here(["stop", name, "3"], tmp_path), 2) == (
        f"sweeps/{name}: nobody drives this sweep, so trial 3 does not run; there is nothing to stop"
    )
    assert one_line(run_here(["stop", name, "1"], tmp_path), 0) == "trial 1 has ended already: completed"
    assert one_line(run_here(["stop", name, "9"], tmp_path), 2).endswith("has no trial 9, allowed: 1 to 4")
    assert one_line(run_here(["watch", "sst5"], tmp_path), 2) == f"sst5: not a sweep; sweeps has {name}"
    package.open(sweep.folder.path).stop()
    assert not (sweep.folder.path / "requests").exists()


@pytest.mark.parametrize("verb", ["stop", "watch"])
@pytest.mark.parametrize("address", ["local", "auto"])
def test_a_mistyped_name_is_no_job_where_ray_runs_on_this_machine(verb: str, address: str, tmp_path: Path) -> None:
    name = RecordedSweep(tmp_path / "sweeps").search([Outcome.COMPLETED]).folder.name
    done = run_here([verb, "sst6"], tmp_path, variables={"RAY_ADDRESS": address})
    assert one_line(done, 2) == f"sst6: not a sweep; sweeps has {name}"


def test_a_finished_sweep_is_shown_as_run_shows_it(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps", confirm={"seeds": 0}).search([Outcome.COMPLETED] * 4).finish()
    assert one_line(run_here(["stop", sweep.folder.name], tmp_path), 0).endswith("nobody drives it; it is finished")
    shown = run_here(["watch", sweep.folder.name], tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "best per system by validation/accuracy" in shown.stdout
    assert package.open(sweep.folder.path).watch(progress=False).state == SweepState.FINISHED


def test_watching_ends_where_nobody_reads_and_the_sweep_goes_on(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search([Outcome.COMPLETED, None])
    reader, writer = os.pipe()
    os.close(reader)
    with sweep.study():
        watcher = subprocess.run(
            [*SWEEPER, "watch", sweep.folder.name], cwd=tmp_path, env=environment({}), stdout=writer,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    os.close(writer)
    assert (watcher.returncode, watcher.stderr) == (0, "")


def test_seeds_of_a_confirmation_are_not_selected(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search([Outcome.COMPLETED])
    with sweep.study() as study:
        seed = study.confirm(study.all_trials()[0].trial, 1)
        with pytest.raises(UsageError, match="confirms a setting with a fresh seed, and seeds must not be selected"):
            package.open(sweep.folder.path).stop(seed.number)


def test_a_running_trial_and_then_the_sweep_are_stopped(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    started = [driver := start("run", "space.yaml", "--inline", cwd=tmp_path, extra={})]
    try:
        sweep = wait_for_trial(tmp_path, 1)
        started.append(watcher := start("watch", sweep.path.name, "--events", cwd=tmp_path, extra={}))
        assert watcher.stdout is not None
        assert watcher.stdout.readline().startswith(f"watching {sweep.path.name}: ")  # what ends from now on is shown
        trial = run_here(["stop", sweep.path.name, "1"], tmp_path)
        assert "trial 1: stopped by the user" in trial.stdout
        wait_for_trial(tmp_path, 2)
        whole = run_here(["stop", sweep.path.name], tmp_path)
        said = driver.communicate(timeout=120)[0]
        seen = watcher.communicate(timeout=120)[0]
    finally:
        for process in started:
            process.kill()
            process.wait(60)
    assert f"{sweep.path.name} is stopped, with 1 of 3 trainings ended; continue it: sweeper run" in whole.stdout
    assert driver.returncode == 130, said
    assert "stopping, because `sweeper stop` asks for it" in said
    last = said.splitlines()[-1]
    assert last.startswith("interrupted; the same command continues where it stopped: sweeper run ")
    assert (watcher.returncode, "stopped by the user after epoch" in seen) == (1, True), seen
    told = [json.loads(line) for line in seen.splitlines() if line.startswith("{")]
    assert [event["event"] for event in told if event["event"] != "report"][-1] == "results"
    (end,) = [event for event in told if event["event"] == "trial_ended"]
    assert (end["trial"], end["outcome"]) == (1, "stopped_early")
    assert {event["status"] for event in told if event["event"] == "sweep_ended"} == {"interrupted"}
    outcomes = [trial.outcome for trial in package.open(sweep.path).results.trial_results]
    assert outcomes == [Outcome.STOPPED_EARLY, None]
    assert list((sweep.path / "requests").iterdir()) == []


def wait_for_trial(folder: Path, number: int) -> package.Sweep:
    """Return the only sweep in a folder once this trial of it has had a validation."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for path in (folder / "sweeps").glob("*/record.journal"):
            sweep = package.open(path.parent)
            trials = {trial.number: trial for trial in sweep.results.trial_results}
            if number in trials and trials[number].score is not None:
                return sweep
        time.sleep(0.05)
    raise AssertionError(f"trial {number} did not begin")
