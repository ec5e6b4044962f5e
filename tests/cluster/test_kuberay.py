"""KubeRay knows every field of the files in cluster/kuberay, as far as a machine without Kubernetes can tell."""

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.files import RAYCLUSTER, RAYJOB, VOLUME
from tests.conftest import ROOT

# The fields of ray.io/v1 that these files use, as KubeRay's schema has them, 1.5.1 and 1.7.0 alike: a type, a set of
# words, or the fields below; "!" marks those without which the schema refuses the object. What is not here is unknown.
QUANTITIES = {"cpu": str, "memory": str, "nvidia.com/gpu": str}
CONTAINER = {
    "name!": str,
    "image": str,
    "env": [{"name!": str, "value": str}],
    "ports": [{"name": str, "containerPort!": int}],
    "resources": {"requests": QUANTITIES, "limits": QUANTITIES},
    "volumeMounts": [{"name!": str, "mountPath!": str}],
}
POD = {
    "restartPolicy": {"Always", "OnFailure", "Never"},
    "containers!": [CONTAINER],
    "volumes": [{"name!": str, "persistentVolumeClaim": {"claimName!": str}, "configMap": {"name": str}}],
}
GROUP = {"rayStartParams!": {"num-cpus": str}, "template!": {"spec": POD}}
CLUSTER_SPEC = {
    "rayVersion": str,
    "authOptions": {"mode": {"token", "disabled"}},
    "headGroupSpec!": {"serviceType": {"ClusterIP", "NodePort", "LoadBalancer"}, **GROUP},
    "workerGroupSpecs": [
        {"groupName!": str, "replicas": int, "minReplicas!": int, "maxReplicas!": int, "rayStartParams": {}, **GROUP}
    ],
}
KINDS: dict[str, Any] = {
    "RayCluster": CLUSTER_SPEC,
    "RayJob": {
        "entrypoint": str,
        "backoffLimit": int,
        "submitterConfig": {"backoffLimit": int},
        "shutdownAfterJobFinishes": bool,
        "ttlSecondsAfterFinished": int,
        "rayClusterSpec": CLUSTER_SPEC,
    },
}


def mistakes(value: Any, shape: Any, place: str = "spec") -> Iterator[str]:
    """Yield the places at which a value does not have its shape."""
    if isinstance(shape, type):
        if type(value) is not shape:
            yield f"{place}: {value!r} is no {shape.__name__}"
    elif isinstance(shape, set):
        if value not in shape:
            yield f"{place}: {value!r} is none of {sorted(shape)}"
    elif isinstance(shape, list):
        for number, one in enumerate(value):
            yield from mistakes(one, shape[0], f"{place}[{number}]")
    else:
        known = {name.rstrip("!"): inner for name, inner in shape.items()}
        yield from (f"{place}: no {name[:-1]}" for name in shape if name.endswith("!") and name[:-1] not in value)
        for name, one in value.items():
            if name in known:
                yield from mistakes(one, known[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}: unknown"


def cluster_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]
    return spec["rayClusterSpec"] if manifest["kind"] == "RayJob" else spec


def pods(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    spec = cluster_of(manifest)
    return [group["template"]["spec"] for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]]


both = pytest.mark.parametrize("manifest", [RAYCLUSTER, RAYJOB], ids=lambda manifest: str(manifest["kind"]))


@both
def test_kuberay_knows_every_field(manifest: dict[str, Any]) -> None:
    assert manifest["apiVersion"] == "ray.io/v1"
    assert list(mistakes(manifest["spec"], KINDS[manifest["kind"]])) == []


def test_a_field_that_kuberay_does_not_know_or_misses_is_noticed() -> None:
    spec = json.loads(json.dumps(RAYCLUSTER["spec"]))
    spec["authOptions"]["mode"] = "tokens"
    del spec["workerGroupSpecs"][0]["minReplicas"]
    spec["headGroupSpec"]["restarts"] = 3
    found = list(mistakes(spec, CLUSTER_SPEC))
    assert [mistake.partition(":")[0] for mistake in found] == [
        "spec.authOptions.mode", "spec.headGroupSpec.restarts", "spec.workerGroupSpecs[0]",
    ]  # fmt: skip


@both
def test_pods_talk_to_nobody_without_a_token_and_join_again_when_they_end(manifest: dict[str, Any]) -> None:
    assert cluster_of(manifest)["authOptions"] == {"mode": "token"}
    assert cluster_of(manifest)["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert {pod["restartPolicy"] for pod in pods(manifest)} == {"Always"}


@both
def test_every_pod_has_the_shared_volume_and_the_same_image(manifest: dict[str, Any]) -> None:
    assert VOLUME["spec"]["accessModes"] == ["ReadWriteMany"]
    for pod in pods(manifest):
        (container,) = pod["containers"]
        assert {"name": "sweeps", "mountPath": "/sweeps"} in container["volumeMounts"]
        claims = {one["name"]: one.get("persistentVolumeClaim") for one in pod["volumes"]}
        assert claims["sweeps"] == {"claimName": VOLUME["metadata"]["name"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == set(claims)
    assert len({pod["containers"][0]["image"] for pod in pods(manifest)}) == 1


@both
def test_the_head_drives_and_the_gpus_are_with_the_workers(manifest: dict[str, Any]) -> None:
    spec = cluster_of(manifest)
    assert spec["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    head, *workers = pods(manifest)
    assert "nvidia.com/gpu" not in head["containers"][0]["resources"]["limits"]
    assert all(int(pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]) >= 1 for pod in workers)


def test_a_rayjob_that_is_run_again_goes_on_from_the_volume() -> None:
    """A retry of KubeRay's is a new cluster and the same command."""
    words = shlex.split(RAYJOB["spec"]["entrypoint"])
    mounted = {mount["mountPath"] for mount in pods(RAYJOB)[0]["containers"][0]["volumeMounts"]}
    assert words[words.index("--sweeps") + 1] == "/sweeps"
    assert "storage=/sweeps/.checkpoints" in words
    assert {"/sweeps", str(Path(words[2]).parent)} <= mounted
    assert RAYJOB["spec"]["backoffLimit"] > 0
    assert "--fresh" not in words
    assert RAYJOB["spec"]["shutdownAfterJobFinishes"] is True


@both
def test_kuberay_is_told_the_version_of_ray_that_the_image_has(manifest: dict[str, Any]) -> None:
    assert f"ray=={cluster_of(manifest)['rayVersion']}" in (ROOT / "constraints.txt").read_text().splitlines()
