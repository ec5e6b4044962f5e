"""Trials that share GPUs by measured memory: admitted while there is room, and tried again alone if they need more."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sweeper.execution.gpu_room import GpuRoom
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.training.config import TrainConfig
from sweeper.training.types import GPU_SHARE, Heartbeat, TrainingData, ValidationReport
from sweeper.trials.gpu_memory import GpuMemory, MeasuredTraining, memory_params
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import ScriptedTrials, data, report, scripted_trainer

NO_MEMORY = TrialEnd(Outcome.OUT_OF_MEMORY, "CUDA out of memory")


def config(batch_size: int) -> TrainConfig:
    return TrainConfig(encoder="m", batch_size=batch_size, epochs=2)


def memory() -> GpuMemory:
    """Return a GPU of 100 bytes, on which a text of a batch takes 5 of them."""
    trainings = (MeasuredTraining(params=memory_params(config(size)), memory=5 * size) for size in (2, 4, 8, 16))
    return GpuMemory(gpus="", total=100, outside=0, trainings=tuple(trainings))


def bridge(trials: ScriptedTrials, folder: Path, gpus: int = 1, *, measured: bool = True) -> TuneBridge:
    resources = TrialResources(cpu=1, gpu=1, slots=8, memory=memory() if measured else None)
    room = GpuRoom(resources, lambda: gpus)
    return TuneBridge(trials, TrainingJob(scripted_trainer, {}, folder), lambda: 8, lambda: 0.0, room)


def started(of: TuneBridge, names: str) -> list[int]:
    """Return the numbers of the trials that start under these names."""
    return [trial.number for trial in map(of.next_trial, names) if trial is not None]


def test_trials_start_in_their_order_while_the_gpus_have_room(tmp_path: Path) -> None:
    of = bridge(ScriptedTrials([config(size) for size in (8, 4, 16, 4, 4)]), tmp_path)  # shares 1/2, 1/4, 1, 1/4, 1/4
    assert started(of, "abcd") == [1, 2]
    of.handle_event("a", TrialEnd(Outcome.COMPLETED))
    assert started(of, "ef") == []  # trial 3 needs the whole GPU, and none overtakes it
    assert not of.is_exhausted
    of.handle_event("b", TrialEnd(Outcome.COMPLETED))
    assert started(of, "gh") == [3]
    of.handle_event("g", TrialEnd(Outcome.COMPLETED))
    assert started(of, "ijk") == [4, 5]


def test_more_gpus_have_room_for_more_trials(tmp_path: Path) -> None:
    of = bridge(ScriptedTrials([config(16), config(16), config(4)]), tmp_path, gpus=2)
    assert started(of, "abc") == [1, 2]


def test_a_trial_starts_on_a_cluster_that_has_no_gpu_yet(tmp_path: Path) -> None:
    assert started(bridge(ScriptedTrials([config(16), config(4)]), tmp_path, gpus=0), "ab") == [1]


def test_trial_that_needs_more_than_its_share_runs_again_alone(tmp_path: Path) -> None:
    trials = ScriptedTrials([config(4), config(4)])
    of = bridge(trials, tmp_path)
    assert started(of, "ab") == [1, 2]
    assert not of.handle_event("a", NO_MEMORY)
    assert trials.outcomes == {}
    assert trials.notes == [(1, "out of memory within its measured share of a GPU; it continues alone on a GPU")]
    assert started(of, "c") == []  # trial 2 still runs
    of.handle_event("b", TrialEnd(Outcome.COMPLETED))
    assert started(of, "d") == [1]
    assert of.room.share_of(of.running["d"]).gpu == 1
    of.handle_event("d", NO_MEMORY)
    assert trials.outcomes == {1: Outcome.OUT_OF_MEMORY, 2: Outcome.COMPLETED}
    assert of.is_exhausted


@pytest.mark.parametrize(("size", "measured"), [(16, True), (4, False)])
def test_lack_of_memory_on_a_whole_gpu_or_on_a_share_set_by_hand_is_the_end(
    size: int, measured: bool, tmp_path: Path
) -> None:
    trials = ScriptedTrials([config(size)])
    of = bridge(trials, tmp_path, measured=measured)
    of.next_trial("a")
    of.handle_event("a", NO_MEMORY)
    assert trials.outcomes == {1: Outcome.OUT_OF_MEMORY}


class SharingTrials(ScriptedTrials):
    """Trials that remember the share of a GPU in their reports."""

    def __init__(self, configs: list[TrainConfig]) -> None:
        super().__init__(configs)
        self.shares: dict[int, list[float]] = {}

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        self.shares.setdefault(trial.number, []).append(report.metrics[GPU_SHARE])
        return super().report(trial, report)


def needs_a_whole_gpu_at_first(
    config: TrainConfig, _: TrainingData, saved: Path | None
) -> Generator[ValidationReport | Heartbeat, None, None]:
    """Run out of memory once, if tau is 3: as a training does that needs more than was measured."""
    assert saved is not None
    saved.parent.mkdir(parents=True, exist_ok=True)
    again = saved.with_name("again")
    yield report(1, 0.5)
    if config.tau == 3 and not again.exists():
        again.touch()
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    yield report(2, 0.5)


@pytest.mark.ray
def test_ray_places_trials_by_their_shares_of_a_gpu(tmp_path: Path) -> None:
    from sweeper.execution.ray_runner import RayRunner

    small, large = config(4), config(16)
    trials = SharingTrials([small, small.model_copy(update={"tau": 3.0}), large, small, small])
    with RayRunner(gpus=1) as runner:
        resources = replace(runner.allocate(1, 0.25), memory=memory())
        with runner.workers(resources) as workers:
            workers.run(trials, TrainingJob(needs_a_whole_gpu_at_first, {"m": data()}, tmp_path))
    assert set(trials.outcomes.values()) == {Outcome.COMPLETED}
    assert trials.shares == {1: [0.25, 0.25], 2: [0.25, 1, 1], 3: [1, 1], 4: [0.25, 0.25], 5: [0.25, 0.25]}
    assert trials.most_at_once >= 2
