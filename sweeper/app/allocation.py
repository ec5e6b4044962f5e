"""The share of this machine, or of the cluster of RAY_ADDRESS, that a trial would get."""

from sweeper.app.share_gpus import allocate, with_note_of_sharing
from sweeper.app.trial_runner import make_runner
from sweeper.execution.cluster_address import cluster_address
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.output import Output
from sweeper.trials.resources import TrialResources, fit_to_machine


def allocate_resources(output: Output, spec: SweepSpec) -> tuple[TrialResources, bool]:
    """Return what a trial gets at most, and True if that is on a cluster. Raises UsageError if no node has it."""
    if cluster_address() is not None:
        with output.step("asking the cluster"), make_runner(output, inline=False) as runner:
            return with_note_of_sharing(spec, allocate(runner, spec)), True
    from sweeper.training.device import cpu_count, gpu_count

    asked, node = spec.resources, {"CPU": cpu_count(), "GPU": gpu_count()}
    resources = fit_to_machine(asked.cpu, asked.most_gpus, asked.accelerator or "", node=node)
    return with_note_of_sharing(spec, resources), False
