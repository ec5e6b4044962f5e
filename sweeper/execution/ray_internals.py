"""Everything that sweeper uses of Ray beyond its documented public API.

Checked against Ray 2.60.0, the version in constraints.txt. After an upgrade of Ray, check every entry: each says what
breaks without it. Ray's modules are imported inside the functions, because ray_environment.py reads this module before
Ray may be imported.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sweeper.trials.resources import Node

# --- Switches

GCS_RECONNECT_TIMEOUT = "RAY_gcs_rpc_server_reconnect_timeout_s"
"""Environment variable: seconds that a process waits for a silent GCS before Ray ends it.

Ray documents it for the pods of KubeRay only. Without it Ray ends a driver whose GCS died, before sweeper can start Ray
again or say what happened.
"""

VERBOSE_JOB_LOGGERS = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)
"""Loggers of Ray's job client. Without them lines of Ray's mix with those of sweeper."""


# --- Limits

_UPLOAD_OVERHEAD = 1024**2  # bytes for the names of the files


def max_upload_bytes() -> int:
    """Return the number of bytes that a job server takes in one request. Ray sends a folder as one file, uncompressed.

    Without it a larger upload fails with status 413 after it was sent.
    """
    from ray._private import ray_constants

    return int(ray_constants.DASHBOARD_CLIENT_MAX_SIZE) - _UPLOAD_OVERHEAD


# --- Ray on this machine


def start_local_ray(folder: Path, preloaded: Sequence[str] = (), **options: Any) -> None:
    """Start Ray on this machine, with its sockets and logs in `folder`.

    Its workers start at once, one for each core, and import the modules `preloaded`; without this setting of Ray's they
    import them when the first trials start. `_temp_dir` is an unstable option of `ray.init`. Without it all drivers on
    a machine share /tmp/ray, and nothing removes what they leave there.
    """
    import ray
    from ray._private import node, utils

    settings = {"_system_config": {"preload_python_modules": list(preloaded)}} if preloaded else {}
    with (
        _replaced(node, "Node", _small_node(node.Node)),
        _replaced(utils, "get_dashboard_dependency_error", lambda: ImportError("sweeper shows no dashboard")),
    ):
        ray.init(
            "local", include_dashboard=False, _temp_dir=str(folder), job_config=job_config(), **settings, **options
        )


def _small_node(node: Any) -> Any:
    """Return Ray's class for the processes of a machine without those that a single machine does not need.

    These are the autoscaler, the copier of logs and the server of the dashboard. Without this class they start too:
    that takes a second and a half of a core, and Ray waits for the server.
    """

    class SmallNode(node):  # type: ignore[misc]  # Ray is not typed
        def start_monitor(self) -> None:
            """Start no autoscaler."""

        def start_log_monitor(self) -> None:
            """Copy no logs to the driver."""

        def start_api_server(self, **_: object) -> None:
            """Start no server of the dashboard."""

    return SmallNode


@contextmanager
def trials_in_started_workers() -> Iterator[None]:
    """Let Tune run trials in the workers that Ray has started.

    Tune wants environment variables in the workers of trials that only Lightning and Ray Train read, or that the
    workers on this machine have anyway. Without this function Ray starts other workers, because of the variables.
    """
    from ray.tune.execution import class_cache

    with _replaced(class_cache, "DEFAULT_ENV_VARS", {}), _replaced(class_cache, "ENV_VARS_TO_PROPAGATE", frozenset()):
        yield


@contextmanager
def _replaced(module: Any, name: str, value: object) -> Iterator[None]:
    original = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, original)


def job_config() -> Any:
    """Return a job's configuration for `ray.init` that keeps the driver's folders off the module path of workers.

    Ray puts the driver's working folder and the folder of its script first on the path of every worker, unless the job
    has a working_dir, which would have to be packed and would move the workers elsewhere. Without this, a numpy.py or
    sweeper.py that lies there is imported by the workers, and every trial fails. PYTHONPATH reaches them as ever.
    """
    from ray.job_config import JobConfig

    class IsolatedJobConfig(JobConfig):  # type: ignore[misc]  # Ray is not typed
        def _runtime_env_has_working_dir(self) -> bool:
            return True  # `ray.init` asks this for the module path only

    return IsolatedJobConfig()


def started_cluster_address() -> str | None:
    """Return the address of the GCS that the latest `ray start` on this machine joined, or None.

    `ray.init("auto")` also searches the processes of the machine, and would join the private Ray of another sweep.
    """
    from ray._private import utils

    return utils.read_ray_address() or None


def dead_processes() -> list[str]:
    """Return the kinds of processes of the Ray started here that have died, such as gcs_server and raylet.

    Ray has no public way to ask. Without this function a driver waits forever for a Ray that died.
    """
    import ray

    node = ray._private.worker._global_node
    return [kind for kind, _ in node.dead_processes()] if node is not None else []


# --- Tune's trials


def worker_of(tune_trial: Any) -> Any | None:
    """Return the actor that runs a trial of Tune's, or None while it has none.

    Tune gives its callbacks no public access to the actor. Without it a worker that hangs cannot be killed.
    """
    return tune_trial.temporary_state.ray_actor


def error_text(tune_trial: Any) -> str:
    """Return the text of the error with which a trial of Tune's has just failed; empty if there is none.

    Read from Tune's local file. The public `get_error` and `get_pickled_error` look in the storage folder, to which the
    file is copied later, and Tune never pickles an OutOfMemoryError. Without it no cause of a lost worker is known.
    """
    path: str | None = tune_trial.error_file
    return Path(path).read_text(encoding="utf-8", errors="replace") if path else ""


def keep_idle_workers(tune_controller: Any, tune_trial: Any, count: int) -> None:
    """Let so many workers wait for further trials that request what this one does.

    Tune keeps no more workers than there are trials that wait for one, and one worker otherwise. Without this function
    the last trials of a stage end their workers, and the next stage starts new ones, which import PyTorch again.
    """
    cache = tune_controller._tune_controller._actor_cache
    request = tune_trial.placement_group_factory
    if not cache._max_num_objects[request]:
        cache.increase_max(request, count)


def leave_trials_out_of_snapshots(tune_controller: Any) -> None:
    """Keep the states of trials out of the snapshots that Tune writes for its own resume, which sweeper does not use.

    Tune can write them rarely, but not never. Without this function it turns each trial into JSON when it ends, which
    keeps a long sweep waiting, and a core busy beside the last requests to MLflow.
    """
    tune_controller._tune_controller._get_trial_checkpoints = dict


# --- The autoscaler
#
# Ray has no public way to ask what a cluster can grow to. Without this part a cluster that has not grown yet is refused
# as too small, and a sweep does not ask for more nodes than there are.


class KubernetesClient(Protocol):
    """The one method that sweeper needs of a client of the Kubernetes API."""

    def get(self, path: str) -> dict[str, Any]:
        """Return the object at `path`, such as rayclusters/NAME. Raises OSError."""


def kubernetes_client(namespace: str) -> KubernetesClient:
    """Return Ray's client for the Kubernetes cluster of this pod. Raises OSError outside of one."""
    from ray.autoscaler._private.kuberay.node_provider import KubernetesHttpApiClient

    client: KubernetesClient = KubernetesHttpApiClient(namespace)
    return client


def nodes_of_cluster_config(path: Path) -> list[Node]:
    """Return every node that `ray up` can start for the cluster configuration in `path`, the head included."""
    from ray.autoscaler.v2.instance_manager.config import FileConfigReader

    return _all_nodes(FileConfigReader(str(path)).get_cached_autoscaling_config())


def nodes_of_raycluster(raycluster: dict[str, Any]) -> list[Node]:
    """Return every node that KubeRay's autoscaler can start for a RayCluster object, the head included."""
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
    from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig

    return _all_nodes(AutoscalingConfig(_derive_autoscaling_config_from_ray_cr(raycluster)))


def _all_nodes(config: Any) -> list[Node]:
    node_types = config.get_node_type_configs().values()
    return [node_type.resources for node_type in node_types for _ in range(node_type.max_worker_nodes)]
