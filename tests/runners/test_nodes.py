"""What a cluster can grow to, and figures that are looked at now and then."""

from pathlib import Path

from sweeper.allocation import Allocation
from sweeper.runners import nodes
from tests.conftest import ROOT


def test_what_ray_up_left_on_the_head_says_what_can_come(tmp_path: Path) -> None:
    coming = nodes.growth(ROOT / "cluster" / "aws.yaml")
    assert len([node for node in coming if node.get("GPU")]) == 8
    assert nodes.growth(tmp_path / "nothing") == []


def test_a_figure_is_looked_at_every_few_seconds_and_there_is_always_room_to_ask_for_one() -> None:
    looks, now = iter([3, 5, 0]), [0.0]
    watched = nodes.Watched(lambda: next(looks), lambda: now[0])
    assert [watched(), watched()] == [3, 3]
    now[0] += 3
    assert [watched(), watched()] == [5, 5]
    now[0] += 3
    assert watched() == 1


def test_a_trial_asks_for_its_accelerator_as_for_a_mark() -> None:
    assert nodes.request(Allocation(2, 0.5, 1)) == {"cpu": 2, "gpu": 0.5}
    asked = nodes.request(Allocation(2, 1, 1, accelerator="A100"))
    assert 0 < asked.pop("accelerator_type:A100") < 0.01
    assert asked == {"cpu": 2, "gpu": 1}
