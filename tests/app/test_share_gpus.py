"""`gpu: auto` on GPUs whose memory is a number: what is measured, kept, and given to a trial."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sweeper.app.share_gpus import allocate, share_gpus, with_note_of_sharing
from sweeper.errors import SweeperError
from sweeper.execution.inline_runner import InlineRunner
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.gpu_memory_file import load_gpu_memory
from sweeper.terminal.output import PlainOutput
from sweeper.training.config import TrainConfig
from sweeper.training.training_cost import TrainingCost
from sweeper.training.types import TrainingData
from sweeper.trials.interfaces import Measure, Measured
from sweeper.trials.resources import TrialResources, fit_to_machine
from tests.support.fakes import data
from tests.support.search_spaces import small_spec

GB = 10**9


@dataclass
class FakeRunner:
    """A machine with GPUs of 24 GB. A training needs half a GB for each text of a batch."""

    gpus: int = 1
    cpus: int = 16
    names: str = "NVIDIA A10, 24000 MiB"
    error: str = ""
    measured: list[int] = field(default_factory=list)  # batch sizes
    is_remote: bool = False
    has_workers: bool = True

    def allocate(self, cpu: int, gpu: float, accelerator: str = "") -> TrialResources:
        return fit_to_machine(cpu, gpu, accelerator, node={"CPU": self.cpus, "GPU": self.gpus})

    def run_on_all_nodes(self, check: Callable[[], str]) -> Mapping[str, str]:
        return {"here": self.names}

    def start_workers(self, resources: TrialResources) -> None: ...

    def measure(
        self,
        measure: Measure,
        configs: Sequence[TrainConfig],
        data: Mapping[str, TrainingData],
        resources: TrialResources,
    ) -> list[Measured]:
        assert resources.gpu == 1  # each alone on a GPU
        self.measured += [config.batch_size for config in configs]
        return [self._cost(config) for config in configs]

    def workers(self, *_: Any) -> Any:
        raise NotImplementedError

    def _cost(self, config: TrainConfig) -> Measured:
        if self.error or config.batch_size > 40:
            return SweeperError(self.error or "out of memory at batch_size 64")
        return TrainingCost(gpu_memory=config.batch_size * GB // 2, gpu_outside=GB // 2, gpu_total=24 * GB)


def spec(batch_size: Any = (4, 8, 32), **resources: Any) -> SweepSpec:
    sizes = list(batch_size) if isinstance(batch_size, tuple) else batch_size
    compare = {"encoder": ["m"], "loss": ["ce"]}
    return small_spec(compare=compare, search={"batch_size": sizes}, resources={"gpu": "auto", **resources})


def shared(runner: FakeRunner, given: SweepSpec, folder: Path | None = None) -> TrialResources:
    resources = allocate(runner, given)
    return share_gpus(PlainOutput(progress=False), runner, given, resources, {"m": data()}, folder)


def shares(resources: TrialResources, *sizes: int) -> list[float]:
    return [resources.share_of(TrainConfig(encoder="m", batch_size=size)).gpu for size in sizes]


def test_each_kind_of_training_gets_the_share_that_it_needs() -> None:
    runner = FakeRunner()
    resources = shared(runner, spec())
    assert runner.measured == [32, 8, 4]
    assert shares(resources, 4, 8, 32) == [0.125, 0.25, 1.0]
    assert resources.slots == 8  # of the smallest share
    assert "1 to 8 trials on a GPU of 24 GB" in resources.note


def test_range_of_batch_sizes_is_measured_at_its_ends_and_halves() -> None:
    runner = FakeRunner()
    shared(runner, spec({"int": [5, 32]}))
    assert runner.measured == [32, 16, 8, 5]


def test_measurements_are_kept_and_made_again_on_other_gpus(tmp_path: Path) -> None:
    first = shared(FakeRunner(), spec(), tmp_path)
    again = FakeRunner()
    assert shared(again, spec(), tmp_path) == first
    assert again.measured == []
    more = FakeRunner()
    shared(more, spec((4, 16)), tmp_path)
    assert more.measured == [16]  # only what is new
    other = FakeRunner(names="NVIDIA H200, 143771 MiB")
    shared(other, spec(), tmp_path)
    assert other.measured == [32, 8, 4]
    (tmp_path / "gpu_memory.json").write_text("{")
    damaged = FakeRunner()
    shared(damaged, spec(), tmp_path)
    assert damaged.measured == [32, 8, 4]


def test_training_that_fits_no_gpu_is_noted_and_not_measured_again(tmp_path: Path) -> None:
    resources = shared(FakeRunner(), spec((4, 64)), tmp_path)
    assert shares(resources, 4, 64) == [0.125, 1.0]
    assert "1 of 2 kinds of training did not run alone on a GPU: out of memory" in resources.note
    again = FakeRunner()
    shared(again, spec((4, 64)), tmp_path)
    assert again.measured == []


def test_error_of_every_measurement_gives_whole_gpus_and_is_not_kept(tmp_path: Path) -> None:
    resources = shared(FakeRunner(gpus=2, error="its worker failed"), spec(), tmp_path)
    assert (resources.gpu, resources.slots, resources.memory) == (1, 2, None)
    assert "memory could not be measured (its worker failed); a trial gets a whole GPU" in resources.note
    assert load_gpu_memory(tmp_path) is None


@pytest.mark.parametrize(
    ("runner", "given", "note"),
    [
        (FakeRunner(gpus=0), spec(), "this machine has 16 CPU cores, no GPU, so a trial gets 1 CPU core, no GPU"),
        (FakeRunner(gpus=2, cpus=2), spec(), "no more trials run at a time than there are GPUs"),
    ],
)
def test_nothing_is_measured_where_trials_would_not_share_a_gpu(
    runner: FakeRunner, given: SweepSpec, note: str
) -> None:
    resources = shared(runner, given)
    assert (runner.measured, resources.memory) == ([], None)
    assert note in resources.note
    assert resources.slots == allocate(runner, given).slots


@pytest.mark.parametrize(("gpu", "slots"), [(1, 1), (0.5, 2)])
def test_a_share_that_the_user_chose_is_taken_without_measurements_and_notes(gpu: float, slots: int) -> None:
    runner = FakeRunner()
    resources = shared(runner, spec(gpu=gpu))
    assert (resources.gpu, resources.slots, resources.note) == (gpu, slots, "")
    assert (runner.measured, resources.memory) == ([], None)


def test_one_process_does_not_share_its_gpu() -> None:
    runner, given = InlineRunner(16, 1), spec()
    resources = share_gpus(PlainOutput(progress=False), runner, given, allocate(runner, given), {"m": data()}, None)
    assert (resources.gpu, resources.slots, resources.memory) == (1, 1, None)


def test_plan_without_a_calibration_says_that_memory_will_be_measured() -> None:
    runner, given = FakeRunner(), spec()
    assert "memory is measured before the first trial" in with_note_of_sharing(given, allocate(runner, given)).note
    without = FakeRunner(gpus=0)
    assert "measured" not in with_note_of_sharing(given, allocate(without, given)).note
