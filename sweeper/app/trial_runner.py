"""Makes the runner of a sweep's trials: this process, or Ray on this machine or a cluster."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Union

from sweeper.search_space.sections import Resources
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.output import Output
from sweeper.training.registry import encoder_kind

if TYPE_CHECKING:
    from sweeper.execution.inline_runner import InlineRunner
    from sweeper.execution.ray_runner import RayRunner


def make_runner(
    output: Output, spec: SweepSpec | None = None, *, inline: bool
) -> AbstractContextManager[Union["InlineRunner", "RayRunner"]]:
    """Return the runner for trials of `spec` as a context manager. Ray is imported only where it is used."""
    if inline:
        from sweeper.execution.inline_runner import InlineRunner
        from sweeper.training.device import cpu_count, gpu_count

        return InlineRunner(cpu_count(), gpu_count())
    from sweeper.execution.ray_runner import RayRunner

    requested = Resources() if spec is None else spec.resources
    encoders = () if spec is None else spec.encoders
    modules = sorted({module for name in encoders for module in encoder_kind(name).modules})
    return RayRunner(cpu=requested.cpu, gpu=requested.most_gpus, modules=modules, step=output.step)
