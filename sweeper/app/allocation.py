"""The share of this machine, or of the cluster of RAY_ADDRESS, that a trial would get."""

from sweeper.app.run_sweeps import make_runner
from sweeper.execution.cluster_address import cluster_address
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.output import Output
from sweeper.trials.resources import TrialResources, fit_to_machine


def allocate_resources(output: Output, spec: SweepSpec) -> tuple[TrialResources, bool]:
    """Return what a trial gets, and True if that is on a cluster. Raises UsageError if no node has it."""
    asked = spec.resources
    if cluster_address() is not None:
        with output.step("asking the cluster"), make_runner(inline=False) as runner:
            resources: TrialResources = runner.allocate(asked.cpu, asked.gpu, asked.accelerator or "")
        return resources, True
    with make_runner(inline=True) as runner:
        node = {"CPU": runner.cpus, "GPU": runner.gpus}
    return fit_to_machine(asked.cpu, asked.gpu, asked.accelerator or "", node=node), False
