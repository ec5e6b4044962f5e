"""The CPUs and GPUs of one trial, and the number of trials that run side by side."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sweeper.errors import UsageError
from sweeper.training.config import TrainConfig
from sweeper.trials.gpu_memory import GpuMemory, GpuShare

Node = Mapping[str, float]
"""The resources of a node by Ray's names: CPU, GPU, and accelerator_type:A100 if it has GPUs of that type."""

ACCELERATOR = "accelerator_type:"


@dataclass(frozen=True)
class TrialResources:
    """The CPUs and GPUs of one trial.

    `slots` is the number of trials that run side by side. `accelerator` is the type of GPU that a trial needs, by Ray's
    name, such as A100. `note` tells the user how the request was changed, or that GPUs stay idle; it may be empty.
    With `memory`, each trial gets the share of a GPU that it needs by these measurements, and `gpu` is the largest.
    """

    cpu: int
    gpu: float
    slots: int
    note: str = ""
    accelerator: str = ""
    memory: GpuMemory | None = None

    def share_of(self, config: TrainConfig) -> GpuShare:
        """Return the share of a GPU that a training gets."""
        return GpuShare(self.gpu, self.gpu) if self.memory is None else self.memory.share_of(config)


def fit_to_machine(
    cpu: int, gpu: float, accelerator: str = "", *, node: Node, hides_gpus: bool = True
) -> TrialResources:
    """Fit the request of one trial to this machine. Resources that the machine lacks are left out and noted.

    With `hides_gpus`, as under Ray, a trial that requests no GPU cannot use one, which is noted if there is one.
    A trial that requests more cores than the machine has gets half of them. Two trials side by side finish more in an
    hour than one trial on all cores (docs/explanation/training.md), and early stopping has trials to compare.
    """
    node_cpus, node_gpus = int(node.get("CPU", 0)), node.get("GPU", 0)
    given_cpu = cpu if cpu <= node_cpus else max(1, node_cpus // 2)
    given_gpu = gpu if gpu <= node_gpus else float(min(1.0, node_gpus))
    given_accelerator = accelerator if node.get(ACCELERATOR + accelerator) else ""
    slots = max(1, node_cpus // given_cpu)
    if given_gpu:
        slots = max(1, min(slots, _count_gpu_slots(node_gpus, given_gpu)))
    note = _idle_gpus("this machine") if hides_gpus and node_gpus and not gpu else ""
    if (given_cpu, given_gpu, given_accelerator) != (cpu, gpu, accelerator):
        describe = describe_resources
        changed = (
            f"a trial asks for {describe(cpu, gpu, accelerator)}; this machine has {describe(node_cpus, node_gpus)}, "
            f"so a trial gets {describe(given_cpu, given_gpu, given_accelerator)}"
        )
        note = "; ".join(filter(None, [changed, note]))
    return TrialResources(given_cpu, given_gpu, slots, note, given_accelerator)


def fit_to_cluster(
    cpu: int, gpu: float, accelerator: str = "", *, nodes: Sequence[Node], potential_nodes: Sequence[Node] = ()
) -> TrialResources:
    """Fit the request of one trial to a cluster. A trial runs on one node.

    `nodes` are the nodes that are there now, `potential_nodes` those that an autoscaler can grow the cluster to.
    Raises UsageError if no node has the resources or ever will, because a trial would wait forever.
    """
    resources = TrialResources(cpu, gpu, 0, accelerator=accelerator)
    slots_now = count_slots(nodes, resources)
    slots = max(slots_now, count_slots(potential_nodes, resources))
    request = describe_resources(cpu, gpu, accelerator)
    if not slots:
        counts = Counter(map(_describe_node, nodes))
        raise UsageError(
            f"resources: a trial asks for {request} on one node, but the cluster's nodes have "
            f"{'; '.join(f'{count} x {node}' for node, count in counts.items())}; ask for less, or add nodes"
        )
    note = "" if slots_now else f"no node has {request} yet: waiting for the cluster to grow"
    if not gpu and any(node.get("GPU", 0) for node in (*nodes, *potential_nodes)):
        note = "; ".join(filter(None, [note, _idle_gpus("the cluster")]))
    return replace(resources, slots=slots, note=note)


def _idle_gpus(place: str) -> str:
    return f"trials do not use the GPUs of {place}; set resources.gpu to 1 to give one to each"


def count_slots(nodes: Iterable[Node], resources: TrialResources) -> int:
    """Return the number of trials with these resources that fit on the nodes side by side."""
    return sum(_count_node_slots(node, resources) for node in nodes)


def _count_node_slots(node: Node, resources: TrialResources) -> int:
    if resources.accelerator and not node.get(ACCELERATOR + resources.accelerator):
        return 0
    cpu_slots = int(node.get("CPU", 0) // resources.cpu)
    return min(cpu_slots, _count_gpu_slots(node.get("GPU", 0), resources.gpu)) if resources.gpu else cpu_slots


def _count_gpu_slots(gpus: float, gpu: float) -> int:
    """Return the number of trials that fit on the GPUs. A fraction of a GPU never spans two of them."""
    if gpu >= 1:
        return int(gpus // gpu)
    return int(gpus) * int(1 / gpu + 1e-9) + int((gpus % 1) / gpu + 1e-9)


def _describe_node(node: Node) -> str:
    types = [name.removeprefix(ACCELERATOR) for name in node if name.startswith(ACCELERATOR)]
    return describe_resources(int(node.get("CPU", 0)), node.get("GPU", 0), " ".join(types))


def describe_resources(cpu: int, gpu: float, accelerator: str = "") -> str:
    """Return resources in words: "4 CPU cores and 1 A100 GPU", "1 CPU core, no GPU"."""
    cores = f"{cpu} CPU core" + ("s" if cpu != 1 else "")
    if not gpu:
        return f"{cores}, no GPU"
    gpu_type = f" {accelerator}" if accelerator else ""
    return f"{cores} and {gpu:g}{gpu_type} GPU" + ("s" if gpu > 1 else "")
