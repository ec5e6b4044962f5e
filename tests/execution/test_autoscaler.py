"""What a cluster can grow to."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.kuberay.node_provider import IKubernetesHttpApiClient
from requests import HTTPError

from sweeper.execution.autoscaler import potential_nodes
from tests.conftest import ROOT

CLUSTER = yaml.safe_load((ROOT / "cluster" / "kuberay" / "raycluster.yaml").read_text(encoding="utf-8"))


class Kubernetes(IKubernetesHttpApiClient):  # type: ignore[misc]  # Ray is not typed
    """A Kubernetes with one RayCluster, or one that lets nobody ask."""

    def __init__(self, spec: dict[str, Any] | None) -> None:
        self.spec = spec

    def get(self, path: str) -> dict[str, Any]:
        if self.spec is None or path != "rayclusters/sweeper":
            raise HTTPError("403 Client Error: Forbidden")
        return {"metadata": {"name": "sweeper", "namespace": "research"}, "spec": self.spec}

    def patch(self, path: str, payload: Any, content_type: str = "") -> dict[str, Any]:
        raise NotImplementedError

    def delete(self, path: str) -> None:
        raise NotImplementedError


@pytest.fixture
def on_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_CLUSTER_NAME", "sweeper")
    monkeypatch.setenv("RAY_CLUSTER_NAMESPACE", "research")


def test_what_ray_up_left_on_the_head_says_what_can_come(tmp_path: Path) -> None:
    coming = potential_nodes(ROOT / "cluster" / "aws.yaml")
    assert len([node for node in coming if node.get("GPU")]) == 8
    assert potential_nodes(tmp_path / "nothing") == []


@pytest.mark.usefixtures("on_kubernetes")
def test_a_raycluster_whose_autoscaler_is_on_says_what_can_come(tmp_path: Path) -> None:
    on, off = Kubernetes({**CLUSTER["spec"], "enableInTreeAutoscaling": True}), Kubernetes(CLUSTER["spec"])
    coming = potential_nodes(tmp_path / "nothing", on)
    assert [(node["CPU"], node.get("GPU", 0)) for node in coming] == [(0, 0), *[(4, 1)] * 64]  # the head, and workers
    assert potential_nodes(tmp_path / "nothing", off) == []


@pytest.mark.usefixtures("on_kubernetes")
def test_a_pod_that_may_not_ask_has_no_autoscaler(tmp_path: Path) -> None:
    assert potential_nodes(tmp_path / "nothing", Kubernetes(None)) == []
    assert potential_nodes(tmp_path / "nothing") == []  # there is no Kubernetes here
