"""The nodes that a cluster can grow to."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from requests import HTTPError

from sweeper.execution.autoscaler import potential_nodes
from tests.conftest import ROOT

CLUSTER = yaml.safe_load((ROOT / "cluster" / "kuberay" / "raycluster.yaml").read_text(encoding="utf-8"))


class FakeKubernetes:
    """A Kubernetes cluster with one RayCluster, or (None) one that forbids every request."""

    def __init__(self, spec: dict[str, Any] | None) -> None:
        self.spec = spec

    def get(self, path: str) -> dict[str, Any]:
        if self.spec is None or path != "rayclusters/sweeper":
            raise HTTPError("403 Client Error: Forbidden")
        return {"metadata": {"name": "sweeper", "namespace": "research"}, "spec": self.spec}


@pytest.fixture
def on_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_CLUSTER_NAME", "sweeper")
    monkeypatch.setenv("RAY_CLUSTER_NAMESPACE", "research")


def test_nodes_come_from_the_file_that_ray_up_leaves_on_the_head(tmp_path: Path) -> None:
    nodes = potential_nodes(ROOT / "cluster" / "aws.yaml")
    assert len([node for node in nodes if node.get("GPU")]) == 8
    assert potential_nodes(tmp_path / "nothing") == []


@pytest.mark.usefixtures("on_kubernetes")
def test_nodes_come_from_a_raycluster_whose_autoscaler_is_on(tmp_path: Path) -> None:
    on, off = FakeKubernetes({**CLUSTER["spec"], "enableInTreeAutoscaling": True}), FakeKubernetes(CLUSTER["spec"])
    nodes = potential_nodes(tmp_path / "nothing", on)
    assert [(node["CPU"], node.get("GPU", 0)) for node in nodes] == [(0, 0), *[(4, 1)] * 64]  # the head, and workers
    assert potential_nodes(tmp_path / "nothing", off) == []


@pytest.mark.usefixtures("on_kubernetes")
def test_pod_that_may_not_read_the_raycluster_has_no_autoscaler(tmp_path: Path) -> None:
    assert potential_nodes(tmp_path / "nothing", FakeKubernetes(None)) == []
    assert potential_nodes(tmp_path / "nothing") == []  # there is no Kubernetes here
