"""`resources: {gpu: auto}`: measures the GPU memory of each kind of training once, and shares the GPUs by it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sweeper.protocol.gpu_points import memory_points
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.gpu_memory_file import load_gpu_memory, save_gpu_memory
from sweeper.terminal.output import Output
from sweeper.terminal.sweeps_table import format_bytes
from sweeper.training.config import TrainConfig
from sweeper.training.gpu_names import describe_gpus
from sweeper.training.training_cost import TrainingCost
from sweeper.training.types import TrainingData
from sweeper.trials.gpu_memory import SMALLEST_SHARE, GpuMemory, MeasuredTraining, memory_params
from sweeper.trials.interfaces import Measured, Runner
from sweeper.trials.resources import TrialResources
from sweeper.wording import count_noun

_KEY = "resources.gpu: auto"
_OUT_OF_MEMORY = "out of memory"  # in the reason of a training that does not fit a whole GPU


def allocate(runner: Runner, spec: SweepSpec) -> TrialResources:
    """Return what a trial gets at most. Raises UsageError if no node of a cluster has it."""
    return _allocate(runner, spec, spec.resources.most_gpus)


def with_note_of_sharing(spec: SweepSpec, resources: TrialResources) -> TrialResources:
    """Return the resources with a note, if the run will measure which share of a GPU each trial needs."""
    if not spec.resources.shares_gpus or not resources.gpu:
        return resources
    return _noted(resources, f"{_KEY}: memory is measured before the first trial; a trial gets 1 GPU at most")


def _allocate(runner: Runner, spec: SweepSpec, gpu: float) -> TrialResources:
    return runner.allocate(spec.resources.cpu, gpu, spec.resources.accelerator or "")


def share_gpus(
    output: Output,
    runner: Runner,
    spec: SweepSpec,
    resources: TrialResources,
    data: Mapping[str, TrainingData],
    folder: Path | None,
) -> TrialResources:
    """Return the resources of trials that share GPUs by the memory that they need, if the spec asks for that.

    What was measured is in the sweep's `folder` and is not measured again on GPUs of the same kind. Nothing is measured
    if there is no GPU, or no CPU core for a second trial on one.
    """
    if not spec.resources.shares_gpus or resources.gpu < 1:
        return resources
    if _allocate(runner, spec, SMALLEST_SHARE).slots <= resources.slots:
        return _noted(resources, f"{_KEY}: no more trials run at a time than there are GPUs, so each gets a whole one")
    points = memory_points(spec, resources.cpu)
    memory, problem = _measure_memory(output, runner, points, resources, data, folder)
    if memory is None:
        return _noted(resources, f"{_KEY}: memory could not be measured ({problem}); a trial gets a whole GPU")
    shares = [memory.share_of(config).gpu for config in points]
    slots = _allocate(runner, spec, min(shares)).slots
    note = _describe(memory, shares) + (f"; {problem}" if problem else "")
    return _noted(replace(resources, gpu=max(shares), slots=slots, memory=memory), note)


def _measure_memory(
    output: Output,
    runner: Runner,
    points: Sequence[TrainConfig],
    resources: TrialResources,
    data: Mapping[str, TrainingData],
    folder: Path | None,
) -> tuple[GpuMemory | None, str]:
    """Return the GPU memory of trainings with these configs, None if none could be measured; and why some have none.

    The reason is "" if all have some.
    """
    gpus = "; ".join(sorted({text for text in runner.run_on_all_nodes(describe_gpus).values() if text}))
    earlier = None if folder is None else load_gpu_memory(folder)
    if earlier is not None and earlier.gpus != gpus:
        earlier = None
    unmeasured = [config for config in points if earlier is None or not earlier.has(config)]
    if not unmeasured:
        return earlier, ""
    from sweeper.training.gpu_probe import MemoryProbe  # imports torch

    with output.step(f"measuring the GPU memory of {count_noun(len(unmeasured), 'kind')} of training"):
        results = runner.measure(MemoryProbe(), unmeasured, data, resources)
    memory = _merge(earlier, gpus, unmeasured, results)
    if memory is not None and folder is not None:
        save_gpu_memory(folder, memory)
    failures = [str(result) for result in results if not isinstance(result, TrainingCost)]
    if failures and memory is not None:
        count = f"{len(failures)} of {count_noun(len(points), 'kind')} of training"
        failures[0] = f"{count} did not run alone on a GPU: {failures[0]}"
    return memory, failures[0] if failures else ""


def _merge(
    earlier: GpuMemory | None, gpus: str, configs: Sequence[TrainConfig], results: Sequence[Measured]
) -> GpuMemory | None:
    """Return the measurements with new ones. Of errors, only a lack of memory is kept: others may not come again."""
    costs = [result for result in results if isinstance(result, TrainingCost)]
    if not costs and earlier is None:
        return None
    trainings = tuple(
        MeasuredTraining(
            params=memory_params(config), memory=result.gpu_memory if isinstance(result, TrainingCost) else None
        )
        for config, result in zip(configs, results, strict=True)
        if isinstance(result, TrainingCost) or _OUT_OF_MEMORY in str(result)
    )
    return GpuMemory(
        gpus=gpus,
        total=min(cost.gpu_total for cost in costs) if earlier is None else earlier.total,
        outside=min(cost.gpu_outside for cost in costs) if earlier is None else earlier.outside,
        trainings=(*(earlier.trainings if earlier else ()), *trainings),
    )


def _describe(memory: GpuMemory, shares: Sequence[float]) -> str:
    most, fewest = (round(1 / share) for share in (min(shares), max(shares)))
    trials = f"{most}" if most == fewest else f"{fewest} to {most}"
    noun = "trial" if most == 1 else "trials"
    return f"{_KEY}: {trials} {noun} on a GPU of {format_bytes(memory.total)}, by the memory that each kind needs"


def _noted(resources: TrialResources, note: str) -> TrialResources:
    return replace(resources, note="; ".join(filter(None, (resources.note, note))))
