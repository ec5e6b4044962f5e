"""What one trial gets of a machine, and how many trials run side by side."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sweeper.errors import UsageError

Node = Mapping[str, float]
"""What a node has, in Ray's words: CPU, GPU, and accelerator_type:A100 where it has GPUs of that type."""

ACCELERATOR = "accelerator_type:"


@dataclass(frozen=True)
class TrialResources:
    """CPUs and GPUs of one trial, how many trials run at once, and what was changed of what was asked for.

    `accelerator` is the type of GPU that it needs, in Ray's words, such as A100.
    """

    cpu: int
    gpu: float
    slots: int
    note: str = ""
    accelerator: str = ""


def fit_to_machine(cpu: int, gpu: float, accelerator: str = "", *, node: Node) -> TrialResources:
    """The share of this machine for trials that ask for so much: what it lacks is left out, and said.

    A trial that asks for more cores than there are gets half of them. Two trials side by side finish more in an hour
    than one on all cores (README, "Speed"), and ASHA has something to compare.
    """
    cpus, gpus = int(node.get("CPU", 0)), node.get("GPU", 0)
    given_gpu = gpu if gpu <= gpus else float(min(1.0, gpus))
    given_cpu = cpu if cpu <= cpus else max(1, cpus // 2)
    slots = max(1, cpus // given_cpu)
    if given_gpu:
        slots = max(1, min(slots, _sharing(gpus, given_gpu)))
    given = accelerator if node.get(ACCELERATOR + accelerator) else ""
    asked, there = _words(cpu, gpu, accelerator), _words(cpus, gpus)
    changed = (given_cpu, given_gpu, given) != (cpu, gpu, accelerator)
    got = _words(given_cpu, given_gpu, given)
    note = f"a trial asks for {asked}; here are {there}, so it gets {got}" if changed else ""
    return TrialResources(given_cpu, given_gpu, slots, note, given)


def fit_to_cluster(
    cpu: int, gpu: float, accelerator: str = "", *, nodes: Sequence[Node], growth: Sequence[Node] = ()
) -> TrialResources:
    """The share of a cluster for trials that ask for so much, each on one node; `growth` is what it can grow to.

    Raises UsageError where no node has that much, or will: a trial would wait for ever.
    """
    asked = TrialResources(cpu, gpu, 0, accelerator=accelerator)
    now = count_slots(nodes, asked)
    then = max(now, count_slots(growth, asked))
    if not then:
        there = "; ".join(f"{count} x {words}" for words, count in Counter(map(_node_words, nodes)).items())
        raise UsageError(
            f"resources: a trial asks for {_words(cpu, gpu, accelerator)} on one node, the cluster's nodes have "
            f"{there}; ask for less, or add nodes"
        )
    note = "" if now else f"no node has {_words(cpu, gpu, accelerator)} yet: waiting for the cluster to grow"
    return replace(asked, slots=then, note=note)


def count_slots(nodes: Iterable[Node], share: TrialResources) -> int:
    """How many trials with this share fit on nodes side by side."""
    return sum(_fits(node, share) for node in nodes)


def _fits(node: Node, share: TrialResources) -> int:
    if share.accelerator and not node.get(ACCELERATOR + share.accelerator):
        return 0
    by_cpu = int(node.get("CPU", 0) // share.cpu)
    return min(by_cpu, _sharing(node.get("GPU", 0), share.gpu)) if share.gpu else by_cpu


def _sharing(gpus: float, gpu: float) -> int:
    """How many trials fit on the GPUs: a fraction never spans two of them."""
    if gpu >= 1:
        return int(gpus // gpu)
    return int(gpus) * int(1 / gpu + 1e-9) + int((gpus % 1) / gpu + 1e-9)


def _node_words(node: Node) -> str:
    types = [name.removeprefix(ACCELERATOR) for name in node if name.startswith(ACCELERATOR)]
    return _words(int(node.get("CPU", 0)), node.get("GPU", 0), " ".join(types))


def _words(cpu: int, gpu: float, accelerator: str = "") -> str:
    cores = f"{cpu} CPU core" + ("s" if cpu != 1 else "")
    kind = f" {accelerator}" if accelerator else ""
    return f"{cores} and {gpu:g}{kind} GPU" + ("s" if gpu > 1 else "") if gpu else f"{cores}, no GPU"
