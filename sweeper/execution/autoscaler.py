"""What a Ray cluster can grow to, as its autoscaler is told: by `ray up`, or by KubeRay."""

import os
from pathlib import Path

from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler._private.kuberay.node_provider import IKubernetesHttpApiClient, KubernetesHttpApiClient
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig, FileConfigReader

from sweeper.trials.resources import Node


def potential_nodes(bootstrap: Path | None = None, kubernetes: IKubernetesHttpApiClient | None = None) -> list[Node]:
    """All nodes that the cluster's autoscaler may have at once; none where it has none.

    Both are asked on the head, which is where a driver runs that was submitted.
    """
    told = _of_ray_up(bootstrap or Path.home() / "ray_bootstrap_config.yaml") or _of_kuberay(kubernetes)
    types = told.get_node_type_configs().values() if told else ()
    return [one.resources for one in types for _ in range(one.max_worker_nodes)]


def _of_ray_up(path: Path) -> AutoscalingConfig | None:
    """The configuration that `ray up` leaves on the head."""
    return FileConfigReader(str(path)).get_cached_autoscaling_config() if path.exists() else None


def _of_kuberay(client: IKubernetesHttpApiClient | None) -> AutoscalingConfig | None:
    """The RayCluster that this pod is of, where KubeRay's autoscaler watches it."""
    name, namespace = (os.environ.get(f"RAY_CLUSTER_{part}") for part in ("NAME", "NAMESPACE"))
    if not name or not namespace:
        return None
    try:
        cluster = (client or KubernetesHttpApiClient(namespace)).get(f"rayclusters/{name}")
    except OSError:  # without an autoscaler, KubeRay gives the head's pod no right to ask
        return None
    grows = cluster["spec"].get("enableInTreeAutoscaling")
    return AutoscalingConfig(_derive_autoscaling_config_from_ray_cr(cluster)) if grows else None
