"""What one trial gets of a machine, and how many trials run side by side."""

from dataclasses import dataclass

from sweeper.errors import UsageError


@dataclass(frozen=True)
class Allocation:
    """CPUs and GPUs of one trial, how many trials run at once, and what was changed of what was asked for."""

    cpu: int
    gpu: float
    slots: int
    note: str = ""


def on_machine(cpu: int, gpu: float, *, cpus: int, gpus: float) -> Allocation:
    """The share of this machine for trials that ask for `cpu` and `gpu`: what it lacks is left out, and said.

    A trial that asks for more cores than there are gets half of them. Two trials side by side finish more in an hour
    than one on all cores (README, "Speed"), and ASHA has something to compare.
    """
    given_gpu = gpu if gpu <= gpus else float(min(1.0, gpus))
    given_cpu = cpu if cpu <= cpus else max(1, cpus // 2)
    slots = max(1, cpus // given_cpu)
    if given_gpu:
        slots = max(1, min(slots, _sharing(gpus, given_gpu)))
    asked, there = _words(cpu, gpu), _words(cpus, gpus)
    changed = (given_cpu, given_gpu) != (cpu, gpu)
    note = f"a trial asks for {asked}; here are {there}, so it gets {_words(given_cpu, given_gpu)}" if changed else ""
    return Allocation(given_cpu, given_gpu, slots, note)


def on_cluster(cpu: int, gpu: float, *, cpus: int, gpus: float) -> Allocation:
    """The share of a cluster; there, what is missing is an error, for a trial would wait for ever."""
    if cpu > cpus or gpu > gpus:
        raise UsageError(
            f"resources: a trial asks for {_words(cpu, gpu)}, the cluster has {_words(int(cpus), gpus)} in all; "
            "ask for less, or add nodes"
        )
    slots = min(cpus // cpu, _sharing(gpus, gpu)) if gpu else cpus // cpu
    return Allocation(cpu, gpu, max(1, slots))


def _sharing(gpus: float, gpu: float) -> int:
    """How many trials fit on the GPUs: a fraction never spans two of them."""
    if gpu >= 1:
        return int(gpus // gpu)
    return int(gpus) * int(1 / gpu + 1e-9) + int((gpus % 1) / gpu + 1e-9)


def _words(cpu: int, gpu: float) -> str:
    cores = f"{cpu} CPU core" + ("s" if cpu != 1 else "")
    return f"{cores} and {gpu:g} GPU" + ("s" if gpu > 1 else "") if gpu else f"{cores}, no GPU"
