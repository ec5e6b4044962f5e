"""The resources of a trial: a machine leaves out what it lacks and says so; on a cluster that is an error."""

import pytest

from sweeper.errors import UsageError
from sweeper.trials.resources import Node, TrialResources, count_slots, fit_to_cluster, fit_to_machine


@pytest.mark.parametrize(
    ("cpu", "gpu", "cpus", "gpus", "slots"),
    [
        (1, 0, 4, 0, 4),
        (4, 0, 4, 0, 1),
        (3, 0, 8, 0, 2),
        (4, 1, 16, 1, 1),
        (4, 1, 16, 4, 4),
        (4, 1, 8, 4, 2),
        (1, 0.25, 16, 1, 4),
        (4, 0.25, 8, 1, 2),
        (1, 0.1, 16, 0.3, 3),
        (1, 2, 16, 4, 2),
    ],
)
def test_a_trial_gets_what_it_asks_for_if_the_node_has_it(
    cpu: int, gpu: float, cpus: int, gpus: float, slots: int
) -> None:
    assert fit_to_machine(cpu, gpu, node={"CPU": cpus, "GPU": gpus}) == TrialResources(cpu, gpu, slots)
    assert fit_to_cluster(cpu, gpu, nodes=[{"CPU": cpus, "GPU": gpus}]) == TrialResources(cpu, gpu, slots)


@pytest.mark.parametrize(
    ("cpu", "gpu", "cpus", "gpus", "given"),
    [
        (4, 1, 2, 0, TrialResources(1, 0, 2)),
        (4, 0, 2, 0, TrialResources(1, 0, 2)),
        (8, 0, 1, 0, TrialResources(1, 0, 1)),
        (4, 0.5, 4, 0, TrialResources(4, 0, 1)),
        (1, 2, 16, 1, TrialResources(1, 1, 1)),
        (4, 2, 2, 1, TrialResources(1, 1, 1)),
        (16, 0.5, 6, 1, TrialResources(3, 0.5, 2)),
    ],
)
def test_resources_that_a_machine_lacks_are_left_out_with_a_note(
    cpu: int, gpu: float, cpus: int, gpus: float, given: TrialResources
) -> None:
    got = fit_to_machine(cpu, gpu, node={"CPU": cpus, "GPU": gpus})
    assert (got.cpu, got.gpu, got.slots) == (given.cpu, given.gpu, given.slots)
    assert got.note
    assert len(got.note.splitlines()) == 1


@pytest.mark.parametrize(
    ("asked", "there", "note"),
    [
        (
            (4, 1), (2, 0),
            "a trial asks for 4 CPU cores and 1 GPU; this machine has 2 CPU cores, no GPU, "
            "so a trial gets 1 CPU core, no GPU",
        ),
        (
            (1, 2), (4, 1),
            "a trial asks for 1 CPU core and 2 GPUs; this machine has 4 CPU cores and 1 GPU, "
            "so a trial gets 1 CPU core and 1 GPU",
        ),
    ],
)  # fmt: skip
def test_the_note_names_the_request_the_machine_and_the_result(
    asked: tuple[int, float], there: tuple[int, float], note: str
) -> None:
    assert fit_to_machine(*asked, node={"CPU": there[0], "GPU": there[1]}).note == note


def test_gpus_that_trials_do_not_ask_for_are_noted() -> None:
    here = "trials do not use the GPUs of this machine; set resources.gpu to 1 to give one to each"
    assert fit_to_machine(1, 0, node={"CPU": 4, "GPU": 2}) == TrialResources(1, 0, 4, here)
    both = fit_to_machine(8, 0, node={"CPU": 4, "GPU": 2}).note
    assert both.startswith("a trial asks for 8 CPU cores, no GPU; this machine has 4 CPU cores and 2 GPUs, so a trial ")
    assert both.endswith(f"; {here}")
    assert not fit_to_machine(1, 0, node={"CPU": 4, "GPU": 2}, hides_gpus=False).note  # as in one process, without Ray
    there = here.replace("this machine", "the cluster")
    assert fit_to_cluster(1, 0, nodes=[{"CPU": 2}, {"CPU": 4, "GPU": 2}]) == TrialResources(1, 0, 6, there)


def test_one_trial_always_fits_on_a_machine() -> None:
    for cpu in range(1, 10):
        for gpu in (0, 0.3, 1, 3):
            for cpus in range(1, 10):
                for gpus in (0, 1, 2):
                    got = fit_to_machine(cpu, gpu, node={"CPU": cpus, "GPU": gpus})
                    assert got.slots >= 1
                    assert 1 <= got.cpu * got.slots <= cpus
                    assert got.gpu * got.slots <= gpus + 1e-9


@pytest.mark.parametrize(
    ("cpu", "gpu", "fragments"),
    [
        (16, 0, ["16 CPU cores, no GPU", "2 x 8 CPU cores and 2 GPUs; 1 x 12 CPU cores, no GPU"]),
        (1, 4, ["1 CPU core and 4 GPUs", "2 x 8 CPU cores and 2 GPUs"]),
    ],
)
def test_resources_that_a_cluster_lacks_are_a_usage_error(cpu: int, gpu: float, fragments: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        fit_to_cluster(cpu, gpu, nodes=[{"CPU": 8, "GPU": 2}, {"CPU": 8, "GPU": 2}, {"CPU": 12}])
    message = str(caught.value)
    assert message.startswith("resources: ")
    assert all(fragment in message for fragment in fragments), message
    assert "ask for less" in message
    assert caught.value.exit_code == 2


A100: Node = {"CPU": 8, "GPU": 2, "accelerator_type:A100": 1}
T4: Node = {"CPU": 8, "GPU": 2, "accelerator_type:T4": 1}


def test_a_trial_runs_on_one_node_that_has_its_accelerator() -> None:
    assert fit_to_cluster(6, 0, nodes=[A100, T4]).slots == 2  # 16 cores in all, but a trial's 6 must be on one node
    assert fit_to_cluster(1, 1, "A100", nodes=[A100, T4]) == TrialResources(1, 1, 2, accelerator="A100")
    with pytest.raises(UsageError, match=r"1 CPU core and 1 H100 GPU on one node, .* 1 x 8 CPU cores and 2 A100 GPUs"):
        fit_to_cluster(1, 1, "H100", nodes=[A100, T4])


def test_a_cluster_that_can_grow_counts_its_potential_nodes() -> None:
    waiting = fit_to_cluster(1, 1, "A100", nodes=[{"CPU": 2}], potential_nodes=[A100] * 3)
    assert waiting.slots == 6
    assert waiting.note == "no node has 1 CPU core and 1 A100 GPU yet: waiting for the cluster to grow"
    growing = fit_to_cluster(1, 1, nodes=[A100], potential_nodes=[{"CPU": 2}, A100, A100])
    assert (growing.slots, growing.note) == (4, "")
    assert fit_to_cluster(1, 0, nodes=[A100], potential_nodes=[{"CPU": 2}, A100, A100]).slots == 18
    assert count_slots([A100, T4], waiting) == 2


def test_a_machine_without_the_accelerator_gives_another_gpu_with_a_note() -> None:
    assert fit_to_machine(1, 1, "A100", node=A100) == TrialResources(1, 1, 2, accelerator="A100")
    assert fit_to_machine(1, 1, "A100", node=T4).note.endswith("so a trial gets 1 CPU core and 1 GPU")
