"""The nodes that a Ray cluster can grow to, according to its autoscaler: that of `ray up`, or KubeRay's."""

import os
from pathlib import Path
from typing import Any

from sweeper.execution import ray_internals
from sweeper.execution.ray_internals import KubernetesClient
from sweeper.trials.resources import Node

_BOOTSTRAP_CONFIG = "ray_bootstrap_config.yaml"  # `ray up` leaves it in the home folder of the head


def potential_nodes(bootstrap: Path | None = None, kubernetes: KubernetesClient | None = None) -> list[Node]:
    """Return all nodes that the cluster's autoscaler may run at once, or none if there is no autoscaler.

    This works only on the head, where a submitted driver runs. `bootstrap` and `kubernetes` replace the file that
    `ray up` leaves there and the client of the pod's Kubernetes cluster.
    """
    path = bootstrap or Path.home() / _BOOTSTRAP_CONFIG
    if path.exists():
        return ray_internals.nodes_of_cluster_config(path)
    raycluster = _autoscaled_raycluster(kubernetes)
    return ray_internals.nodes_of_raycluster(raycluster) if raycluster else []


def _autoscaled_raycluster(client: KubernetesClient | None) -> dict[str, Any] | None:
    """Return the RayCluster that this pod belongs to, if KubeRay's autoscaler watches it."""
    name, namespace = os.environ.get("RAY_CLUSTER_NAME"), os.environ.get("RAY_CLUSTER_NAMESPACE")
    if not name or not namespace:
        return None
    try:
        raycluster = (client or ray_internals.kubernetes_client(namespace)).get(f"rayclusters/{name}")
    except OSError:  # without an autoscaler, KubeRay gives the head's pod no right to read the RayCluster
        return None
    return raycluster if raycluster["spec"].get("enableInTreeAutoscaling") else None
