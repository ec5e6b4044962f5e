"""Plans against the truth: what a record and its plan say, their ratios, and what is not run again."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.plan_truth.__main__ import SPACES, find_truth, main
from benchmarks.plan_truth.table import table_lines
from benchmarks.plan_truth.truth import AMOUNTS, Truth, expected_amounts, processor_seconds, used_amounts
from benchmarks.plan_truth.watched_command import Watched, busy_seconds, run_watched
from benchmarks.result_files import file_key, write_result
from sweeper.app.specs import load_spec
from sweeper.errors import SweeperError, UsageError
from sweeper.protocol.plan import make_plan, plan_use, simulate
from sweeper.training.training_cost import TrainingCost
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.search_spaces import small_spec

CORES = "system/cpu_cores"
WATCHED = Watched(seconds=90.0, memory=2_000_000_000, disk=50_000_000, others=0.5)
EXPECTED = {"epochs": 30.0, "processor": 45.0, "wall": 100.0, "memory": 1000.0, "disk": 80.0}


def finished(folder: Path, **changes: Any) -> RecordedSweep:
    sweep = RecordedSweep(folder, measured={CORES: 0.5}, **changes)
    return sweep.search([Outcome.COMPLETED] * 4).finish()


def test_a_finished_sweep_has_used_what_its_record_and_its_processes_say(tmp_path: Path) -> None:
    sweep = finished(tmp_path, training={"epochs": 2, "validations_per_epoch": 2}, asha="off")
    used = used_amounts(sweep.folder.path, WATCHED)
    assert list(used) == list(AMOUNTS)
    assert used["epochs"] == (8 + 4) * 4 / 2  # trials and fresh seeds, of four validations each
    assert (used["wall"], used["memory"], used["disk"]) == (90, 2000, 50)


def test_a_sweep_that_says_nothing_about_its_plan_is_refused(tmp_path: Path) -> None:
    without = RecordedSweep(tmp_path / "a").search([Outcome.COMPLETED] * 4).finish()
    with pytest.raises(UsageError, match=r"no system/cpu_cores; set tracking: \{system_metrics: true\}"):
        used_amounts(without.folder.path, WATCHED)
    begun = RecordedSweep(tmp_path / "b", measured={CORES: 0.5}).search([Outcome.COMPLETED])
    with pytest.raises(UsageError, match="the sweep is not finished"):
        used_amounts(begun.folder.path, WATCHED)
    resumed = RecordedSweep(tmp_path / "c", measured={CORES: 0.5}).search([Outcome.COMPLETED] * 3).search([None])
    with resumed.study() as study:
        for interrupted in study.all_trials()[-2:]:
            study.end_trial(study.restart(interrupted.trial), TrialEnd(Outcome.COMPLETED))
    resumed.finish()
    with pytest.raises(UsageError, match="was interrupted, so its wall time says nothing"):
        used_amounts(resumed.folder.path, WATCHED)


def record(number: int, times: Sequence[int], *, system: int = 0) -> TrialRecord:
    """Return a trial that began at 0 and reported at these seconds; each epoch trained for 4 of them on half a core."""
    spec = small_spec()
    config = spec.train_config({**spec.systems[system], "batch_size": 4}, seed=1, threads=1)
    metrics = {CORES: 0.5, "seconds": 4.0}
    reports = tuple(ValidationReport(step, float(step), metrics) for step in range(1, len(times) + 1))
    return TrialRecord(Trial(number, system, {}, config), reports, tuple(1000 * at for at in times))


def test_processor_time_leaves_the_start_of_a_process_out() -> None:
    records = [record(1, [20, 26]), record(2, [6, 12]), record(3, [6, 12]), record(4, [])]
    assert processor_seconds(Path("s"), records) == 0.5 * 3 * (6 + 6)
    assert processor_seconds(Path("s"), [*records, record(5, [9], system=1)]) == 0.5 * (36 + 9)


def test_a_plan_has_what_it_expects_of_all_trials_together() -> None:
    spec, resources = small_spec(confirm={"seeds": 2}, asha="off"), TrialResources(1, 0, slots=2)
    cost = TrainingCost(epoch=60, memory=10**9)
    timed = [(spec.train_config({**spec.systems[0], "batch_size": 4}, seed=0, threads=1), cost)]
    simulated = simulate(spec, resources, timed)
    plan = make_plan(spec, resources, simulated, is_remote=False)
    with pytest.raises(UsageError, match="has no calibration"):
        expected_amounts(plan)
    use = plan_use(resources, simulated, timed, disk=5 * 10**6, free=10**9)
    expected = expected_amounts(plan.model_copy(update={"use": use}))
    assert expected["epochs"] == 4 * (6 + 4)
    assert expected["processor"] == pytest.approx(60 * expected["epochs"])
    assert (expected["memory"], expected["disk"]) == (use.memory_bytes / 1e6, 5)


def test_the_table_divides_what_was_expected_by_what_was_used() -> None:
    used = {"epochs": 30.0, "processor": 50.0, "wall": 80.0, "memory": 2000.0, "disk": 50.0}
    _, _, row = table_lines([Truth("a sweep", EXPECTED, used, (0.25, None))])
    assert row == (
        "| a sweep | 1.00 (30 / 30) | .90 (45 / 50) | 1.25 (100 / 80) | .50 (1,000 / 2,000) | 1.60 (80 / 50) | 0.2, – |"
    )


def test_an_ended_sweep_is_not_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = tmp_path / "mine.yaml"
    space.write_text("dataset: feelings\n")  # no search space, so nothing of it can run
    truth = Truth("mine", EXPECTED, EXPECTED, (0.0, 1.0))
    write_result(tmp_path / "out" / f"mine-{file_key(space.read_text())[:8]}", "truth", asdict(truth))
    assert find_truth(space, tmp_path / "out") == truth
    assert main([str(space), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("| mine | 1.00 (30 / 30) |")


def test_a_command_that_fails_and_a_file_that_is_missing_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "no.yaml"), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path}/no.yaml: cannot be read; name the file of a search space\n"
    with pytest.raises(SweeperError, match=r"exit code 3: too bad$"):
        run_watched([sys.executable, "-c", "print('too bad'); exit(3)"], tmp_path / "log", tmp_path)


def test_a_command_is_watched_to_its_end(tmp_path: Path) -> None:
    checkpoint = tmp_path / "sweeps" / "a-1" / "trials" / "1" / "checkpoint-1.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(bytes(1000))
    script = "import json, sys; print(json.dumps({'plan': 1})); print('a note', file=sys.stderr)"
    watched = run_watched([sys.executable, "-c", script], tmp_path / "log", tmp_path / "sweeps", tmp_path / "out")
    assert (json.loads((tmp_path / "out").read_text()), (tmp_path / "log").read_text()) == ({"plan": 1}, "a note\n")
    assert (watched.disk, watched.memory) == (1000, 0)
    assert watched.seconds > 0


def test_busy_time_leaves_idle_cores_and_waiting_for_the_disk_out(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 5000 400 6 7 8 900 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    assert busy_seconds(stat) == 171 / os.sysconf("SC_CLK_TCK")
    assert busy_seconds(tmp_path / "none") is None


@pytest.mark.parametrize("space", sorted(SPACES.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_space_can_be_run_and_is_described(space: Path) -> None:
    spec = load_spec(space)
    assert spec.tracking.system_metrics
    assert space.read_text().startswith("# ")
