"""Faults under Ray: stopped workers, trainings that do not end, killed processes of Ray. Every trial survives them."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.ray_runner import RayRunner
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.execution.tune_callbacks import BridgeScheduler
from sweeper.training.config import TrainConfig
from sweeper.training.types import Heartbeat, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial
from tests.support.fakes import ScriptedTrials, data, scripted_trainer

pytestmark = pytest.mark.ray


def config(course: float = 1, epochs: int = 3) -> TrainConfig:
    return TrainConfig(encoder="m", alpha=0.5, tau=float(course), epochs=epochs)


@pytest.fixture(scope="module")
def runner() -> Iterator[RayRunner]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNE_FUNCTION_THREAD_TIMEOUT_S", "2")
        patch.setenv("TUNE_FORCE_TRIAL_CLEANUP_S", "2")
        with RayRunner() as started:
            yield started


def run(runner: RayRunner, trials: ScriptedTrials, folder: Path, cpu: int = 1) -> ScriptedTrials:
    with runner.workers(runner.allocate(cpu, 0)) as workers:
        workers.run(trials, TrainingJob(scripted_trainer, {"m": data()}, folder, stall_timeout=2))
    return trials


def test_stopped_worker_is_taken_for_dead_and_its_trial_continues_elsewhere(runner: RayRunner, tmp_path: Path) -> None:
    done = run(runner, ScriptedTrials([config(6), config()]), tmp_path)
    assert done.losses == [1]
    assert done.loss_reasons == ["it gave no sign of life for 0.0333333 minutes (stall_minutes)"]
    assert done.reports == {1: [1, 1, 2, 3], 2: [1, 2, 3]}
    assert done.outcomes == {1: Outcome.COMPLETED, 2: Outcome.COMPLETED}


def test_training_that_does_not_end_does_not_hang_the_sweep(runner: RayRunner, tmp_path: Path) -> None:
    done = run(runner, ScriptedTrials([config(7), config(), config()], stop_at=[(1, 1)]), tmp_path, cpu=2)
    assert done.reports == {1: [1], 2: [1, 2, 3], 3: [1, 2, 3]}
    assert done.outcomes == {2: Outcome.COMPLETED, 3: Outcome.COMPLETED}
    assert done.losses == []  # the other trials are not to blame


def kill_process(name: str) -> None:
    """Kill the process of Ray's with this name that this process has started."""
    process_id = subprocess.check_output(["pgrep", "--parent", str(os.getpid()), "--exact", name])
    os.kill(int(process_id), signal.SIGKILL)


class KillingTrials(ScriptedTrials):
    """Trials that kill a process of Ray's once: at the first report, or when Tune asks for the second trial."""

    def __init__(self, configs: list[TrainConfig], victim: str, moment: str) -> None:
        super().__init__(configs)
        self.victim, self.moment = victim, moment

    def kill(self, moment: str) -> None:
        if moment == self.moment:
            kill_process(self.victim)
            self.moment = ""

    def next_trial(self) -> Trial | None:
        if self.running:
            self.kill("asking")  # the next thing that Tune does is to ask the GCS
        return super().next_trial()

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        self.kill("report")
        return super().report(trial, report)


@pytest.mark.parametrize(
    ("victim", "moment", "name"),
    [
        ("raylet", "report", "raylet"),
        pytest.param("gcs_server", "report", "GCS", marks=pytest.mark.slow),
        pytest.param("gcs_server", "asking", "GCS", marks=pytest.mark.slow),
    ],
)
def test_dead_ray_is_restarted_and_trials_continue_from_their_checkpoints(
    runner: RayRunner, tmp_path: Path, victim: str, moment: str, name: str
) -> None:
    trials = KillingTrials([config(9), config(9), config()], victim, moment)
    done = run(runner, trials, tmp_path)
    assert done.outcomes == dict.fromkeys((1, 2, 3), Outcome.COMPLETED), done.reasons
    assert (0, f"Ray's {name} died; restarting Ray") in done.notes
    for reports in done.reports.values():
        assert sorted(set(reports)) == [1, 2, 3]
        assert reports[-3:] == [1, 2, 3]
    if moment == "report":  # the trial that reported then had a checkpoint, and was not at its end
        assert max(map(len, done.reports.values())) > 3


@pytest.mark.slow
@pytest.mark.parametrize(("victim", "name"), [("raylet", "raylet"), ("gcs_server", "GCS")])
def test_ray_that_dies_between_two_jobs_is_restarted(runner: RayRunner, tmp_path: Path, victim: str, name: str) -> None:
    first, second = (ScriptedTrials([config()]) for _ in range(2))
    with runner.workers(runner.allocate(1, 0)) as workers:
        workers.run(first, TrainingJob(scripted_trainer, {"m": data()}, tmp_path / "first"))
        kill_process(victim)
        while runner.dead_process() is None:  # until the kernel has ended it
            pass
        workers.run(second, TrainingJob(scripted_trainer, {"m": data()}, tmp_path / "second"))
    assert second.notes == [(0, f"Ray's {name} died; restarting Ray")]
    for trials in (first, second):
        assert (trials.reports, trials.outcomes) == ({1: [1, 2, 3]}, {1: Outcome.COMPLETED})


class TooLateError(Exception):
    """Raised by a signal handler of the user's."""


class TimedOutTrials(ScriptedTrials):
    """Trials that are interrupted by a signal at the second report."""

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        if report.step == 2:
            signal.raise_signal(signal.SIGALRM)
        return super().report(trial, report)


def test_an_exception_of_a_signal_handler_ends_the_training(runner: RayRunner, tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        raise TooLateError

    before = signal.signal(signal.SIGALRM, interrupt)
    trials = TimedOutTrials([config(8, epochs=600)])
    try:
        with pytest.raises(TooLateError):
            run(runner, trials, tmp_path)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not [thread for thread in threading.enumerate() if "_fit" in thread.name]  # Tune has ended
    assert len(trials.reports[1]) < 5


def failed_tune_trial(folder: Path, error: Exception) -> Any:
    """Return a trial of Tune's that has just failed, as Tune passes it to its scheduler."""
    from ray.train._internal.storage import StorageContext
    from ray.tune.experiment import Trial as TuneTrial

    storage = StorageContext(str(folder / "storage"), "sweep", trial_dir_name=folder.name)
    tune_trial = TuneTrial("lambda", stub=True, trial_id="a", storage=storage)
    Path(tune_trial.local_path).mkdir(parents=True, exist_ok=True)
    tune_trial.handle_error(error)
    return tune_trial


def actor_died(text: str) -> Exception:
    from ray.core.generated.common_pb2 import ActorDiedErrorContext
    from ray.exceptions import ActorDiedError

    context = ActorDiedErrorContext(error_message=f"The actor died because {text}", actor_id=bytes(16))
    error: Exception = ActorDiedError(cause=context)
    return error


def unavailable() -> Exception:
    from ray.exceptions import ActorUnavailableError

    error: Exception = ActorUnavailableError("the connection is broken", bytes(16))
    return error


def low_on_memory() -> Exception:
    from ray.exceptions import OutOfMemoryError

    error: Exception = OutOfMemoryError("1 worker(s) were killed due to the node running low on memory.")
    return error


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize(
    ("error", "infrastructure_fault", "reason"),
    [
        (lambda: actor_died("its node has died. Node Id: 0a"), True, "its node was lost"),
        (unavailable, True, "its node was lost"),
        (lambda: actor_died("its worker process has died."), False, "its worker process died"),
        (low_on_memory, False, "the machine ran out of memory, and Ray ended the worker"),
    ],
)
def test_causes_of_a_lost_worker_are_told_apart(
    tmp_path: Path, error: Callable[[], Exception], infrastructure_fault: bool, reason: str
) -> None:
    trials = ScriptedTrials([config()])
    bridge = TuneBridge(trials, TrainingJob(scripted_trainer, {}, tmp_path), lambda: 1)
    bridge.next_trial("a")
    bridge.handle_event("a", Heartbeat())
    BridgeScheduler(bridge).on_trial_error(None, failed_tune_trial(tmp_path, error()))
    assert (trials.infrastructure_losses, trials.losses) == (([1], []) if infrastructure_fault else ([], [1]))
    assert trials.loss_reasons == [reason]
