"""The contract of every runner: each trial sends its reports and its end, whatever happens on the way."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.errors import OutOfMemoryError, SweeperError, SweepInterrupted
from sweeper.execution.inline_runner import InlineRunner
from sweeper.storage.checkpoint_storage import check_shared_storage, read_probe
from sweeper.training.config import TrainConfig
from sweeper.training.training_cost import TrainingCost
from sweeper.training.types import TrainingData, ValidationReport
from sweeper.trials.interfaces import Runner, TrainingJob, Workers
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import ScriptedTrials, data, report, scripted_trainer


def config(accuracy: float = 0.5, course: float = 1, epochs: int = 3) -> TrainConfig:
    return TrainConfig(encoder="m", alpha=accuracy, tau=float(course), epochs=epochs)


def make_inline_runner() -> Any:
    return InlineRunner(2, 0)


def make_ray_runner() -> Any:
    from sweeper.execution.ray_runner import RayRunner

    return RayRunner()


RUNNERS = [
    pytest.param(make_inline_runner, id="inline"),
    pytest.param(make_ray_runner, id="ray", marks=pytest.mark.ray),
]


@pytest.fixture(scope="module", params=RUNNERS)
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    make: Callable[[], Any] = request.param
    with make() as started:
        yield started


@pytest.mark.ray
@pytest.mark.parametrize(("address", "is_said"), [("head:6379", False), ("", True)])
def test_a_path_too_long_for_sockets_is_said_only_where_ray_is_started(
    address: str, monkeypatch: pytest.MonkeyPatch, *, is_said: bool
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T")
    assert bool(make_ray_runner().note) == is_said


def run(runner: Runner, trials: ScriptedTrials, folder: Path) -> ScriptedTrials:
    with runner.workers(runner.allocate(1, 0)) as workers:
        workers.run(trials, TrainingJob(scripted_trainer, {"m": data()}, folder))
    return trials


def measure_or_fail(config: TrainConfig, data: TrainingData) -> TrainingCost:
    """Take a training with tau 3 for one that does not fit memory."""
    if config.tau == 3:
        raise OutOfMemoryError("out of memory at batch_size 32")
    return TrainingCost(epoch=float(len(data.class_names)))


def test_trainings_are_timed_and_an_error_is_an_answer(runner: Any) -> None:
    resources = runner.allocate(1, 0)
    runner.start_workers(resources)
    configs = [config(), config(course=3), config()]
    first, failed, last = runner.measure(measure_or_fail, configs, {"m": data()}, resources)
    assert first == last == TrainingCost(epoch=3)
    assert str(failed).endswith("out of memory at batch_size 32")


@dataclass(frozen=True)
class FinishedRun:
    """Trials that one run took to their ends, their folder, and how many could run at a time."""

    trials: ScriptedTrials
    folder: Path
    slots: int


COMPLETED, STOPPED, DIVERGED, FAILED, SHORT, LAST, LOST = range(1, 8)  # the numbers of the trials


@pytest.fixture(scope="module")
def finished(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """Trials with different ends. Under Ray one more loses its worker, which inline is the process of the tests."""
    configs = [config(), config(), config(course=2), config(course=3), config(epochs=1), config()]
    if not isinstance(runner, InlineRunner):
        configs.append(config(course=5))
    folder = tmp_path_factory.mktemp("finished")
    trials = run(runner, ScriptedTrials(configs, stop_at=[(STOPPED, 2)]), folder)
    return FinishedRun(trials, folder, runner.allocate(1, 0).slots)


def test_trials_run_to_their_end(finished: FinishedRun) -> None:
    trials = finished.trials
    assert [trials.reports[number] for number in (COMPLETED, SHORT, LAST)] == [[1, 2, 3], [1], [1, 2, 3]]
    assert {trials.outcomes[number] for number in (COMPLETED, SHORT, LAST)} == {Outcome.COMPLETED}
    assert trials.is_exhausted()


def test_stopped_trial_sends_nothing_more(finished: FinishedRun) -> None:
    assert finished.trials.reports[STOPPED] == [1, 2]
    assert STOPPED not in finished.trials.outcomes


def test_exception_is_an_outcome_and_the_next_trial_runs(finished: FinishedRun) -> None:
    outcomes = [finished.trials.outcomes[number] for number in (DIVERGED, FAILED, SHORT)]
    assert outcomes == [Outcome.DIVERGED, Outcome.FAILED, Outcome.COMPLETED]
    assert finished.trials.reasons[FAILED] == "ValueError: a broken trial"
    assert "a broken trial" in (finished.folder / "trials" / str(FAILED) / "error.txt").read_text()


def test_checkpoints_do_not_outlive_their_trials(finished: FinishedRun) -> None:
    assert not list(finished.folder.rglob("checkpoint-*"))


def test_no_more_trials_run_at_once_than_there_are_slots(finished: FinishedRun) -> None:
    assert finished.trials.most_at_once <= finished.slots


@pytest.mark.parametrize("runner", RUNNERS[1:], indirect=True)
def test_lost_worker_is_reported_and_its_trial_continues_from_the_checkpoint(finished: FinishedRun) -> None:
    assert finished.trials.losses == [LOST]
    assert finished.trials.reports[LOST] == [1, 1, 2, 3]
    assert finished.trials.outcomes[LOST] == Outcome.COMPLETED


def breaking_device(
    config: TrainConfig, _: TrainingData, saved: Path | None
) -> Generator[ValidationReport, None, None]:
    """Note the process in the folder of the trials. With tau 3, fail as a training does whose GPU is unusable."""
    assert saved is not None
    saved.parent.mkdir(parents=True, exist_ok=True)
    (saved.parents[1] / f"process-{saved.parent.name}").write_text(str(os.getpid()))
    yield report(1, 0.5)
    if config.tau == 3:
        raise torch.AcceleratorError("CUDA error: device-side assert triggered")


@pytest.mark.parametrize("runner", RUNNERS[1:], indirect=True)
def test_worker_whose_process_a_trial_has_broken_is_replaced(runner: Runner, tmp_path: Path) -> None:
    trials = ScriptedTrials([config(course=course) for course in (1, 3, 1, 1)])
    one_at_a_time = replace(runner.allocate(1, 0), slots=1)
    with runner.workers(one_at_a_time) as workers:
        workers.run(trials, TrainingJob(breaking_device, {"m": data()}, tmp_path))
    expected = [Outcome.COMPLETED, Outcome.FAILED, Outcome.COMPLETED, Outcome.COMPLETED]
    assert [trials.outcomes[number] for number in (1, 2, 3, 4)] == expected
    assert trials.reasons[2] == "AcceleratorError: CUDA error: device-side assert triggered"
    assert trials.losses == trials.infrastructure_losses == []
    first, broken, third, fourth = ((tmp_path / "trials" / f"process-{k}").read_text() for k in (1, 2, 3, 4))
    assert first == broken
    assert broken != third == fourth


def meeting(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
    """Note the process and the classes of the data, and end once two trials have done so."""
    assert saved is not None
    saved.parent.mkdir(parents=True, exist_ok=True)
    noted = saved.parents[1] / f"noted-{saved.parent.name}"
    noted.with_suffix(".new").write_text(f"{os.getpid()} {len(data.class_names)}")
    noted.with_suffix(".new").rename(noted)
    yield report(1, 0.5)
    while len([path for path in noted.parent.glob("noted-*") if not path.suffix]) < 2:
        threading.Event().wait(0.02)


@pytest.mark.parametrize("runner", RUNNERS[1:], indirect=True)
def test_workers_run_the_trials_of_one_job_after_another(runner: Runner, tmp_path: Path) -> None:
    other = replace(data(), class_names=("a", "b"))
    with runner.workers(replace(runner.allocate(1, 0), slots=2)) as workers:
        first = _meet(workers, data(), tmp_path / "1")
        second = _meet(workers, other, tmp_path / "2")
        os.kill(min(first), signal.SIGKILL)  # an idle worker
        third = _meet(workers, data(), tmp_path / "3")
    assert len(first) == 2
    assert second == first
    assert max(first) in third
    assert min(first) not in third


def _meet(workers: Workers, data: TrainingData, folder: Path) -> set[int]:
    """Run two trials side by side, check that they got the data, and return their processes."""
    trials = ScriptedTrials([config(), config()])
    workers.run(trials, TrainingJob(meeting, {"m": data}, folder))
    assert trials.outcomes == {1: Outcome.COMPLETED, 2: Outcome.COMPLETED}
    assert trials.losses == []
    notes = [(folder / "trials" / f"noted-{number}").read_text().split() for number in (1, 2)]
    assert [int(classes) for _, classes in notes] == [len(data.class_names)] * 2
    return {int(process) for process, _ in notes}


class SignallingTrials(ScriptedTrials):
    """Trials whose end is the time of a Ctrl-C."""

    def trial_ended(self, trial: Trial, trial_end: TrialEnd) -> None:
        super().trial_ended(trial, trial_end)
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("runner", RUNNERS, indirect=True)
def test_signal_as_the_last_trial_ends_interrupts_the_sweep(runner: Runner, tmp_path: Path) -> None:
    trials = SignallingTrials([config()])
    with runner.workers(runner.allocate(1, 0)) as workers, pytest.raises(SweepInterrupted):
        workers.run(trials, TrainingJob(scripted_trainer, {"m": data()}, tmp_path))
    assert trials.outcomes == {1: Outcome.COMPLETED}


def test_process_that_a_trial_has_broken_ends_the_command_without_ray(tmp_path: Path) -> None:
    trials = ScriptedTrials([config(course=3), config()])
    runner = make_inline_runner()
    job = TrainingJob(breaking_device, {"m": data()}, tmp_path)
    expected = pytest.raises(SweeperError, match=r"^trial 1: AcceleratorError: .*; the same command continues$")
    with expected, runner.workers(runner.allocate(1, 0)) as workers:
        workers.run(trials, job)
    assert trials.outcomes == {1: Outcome.FAILED}


def test_shared_folder_is_found_on_every_machine(runner: Runner, tmp_path: Path) -> None:
    check_shared_storage(str(tmp_path / "shared"), runner.run_on_all_nodes)
    answers = runner.run_on_all_nodes(partial(read_probe, str(tmp_path / "shared"), "nobody wrote this"))
    assert len(answers) == 1
    assert all("FileNotFoundError" in answer for answer in answers.values())
