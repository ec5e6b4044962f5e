"""The environment variables with which Ray, the driver and the workers run.

Import this module before ray, because Ray reads some of these variables when it is imported. A variable that the user
has set keeps the user's value.
"""

import os
from collections.abc import Mapping

from sweeper.execution.ray_internals import GCS_RECONNECT_TIMEOUT

# Keep large buffers instead of returning them to the system, and place them in huge pages. Otherwise a third of each
# training step of MiniLM on a CPU is spent on page faults. Use one arena for all threads: each trial trains in a thread
# of its own, which would get another arena, and the worker would keep the buffers of each.
_MALLOC_TUNABLES = {"hugetlb": 1, "trim_threshold": 2**33, "mmap_threshold": 2**25, "arena_max": 1}

# For the driver and for all workers, on every node.
WORKER_ENVIRONMENT = {
    # Tune would write a CSV, a JSON and a TensorBoard file per trial. The record has it all.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Signals are handled in signals.py.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    # Tune requests the resources of one trial at a time by default. Request those of all free slots together.
    "TUNE_MAX_PENDING_TRIALS_PG": "10000",
    # Seconds for a training to end once it was told to (default 2). After that its worker is not used again.
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "30",
    # Seconds until Tune kills a worker that does not stop (default 600).
    "TUNE_FORCE_TRIAL_CLEANUP_S": "30",
    # Seconds between two of Tune's own snapshots. They are never read, so they are made rarely.
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    # Seconds between two requests to the GCS for the free resources. Tune waits forever for the answer of a dead GCS.
    "TUNE_STATE_REFRESH_PERIOD": "3600",
    # No warnings about snapshots that follow each other quickly.
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    # No progress tables of Tune's: the screen belongs to the terminal package.
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # cuBLAS gives the same result for the same input only with a workspace of fixed size.
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    # Matrix products that PyTorch keeps compiled. Each length of a batch needs 10 to 20; with the default of 1024, the
    # next trial compiles those of most lengths again.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16384",
    "GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in _MALLOC_TUNABLES.items()),
}

# For the driver alone. By default Ray ends the driver's process when its GCS has not answered for a minute. The driver
# must survive that: RayRunner starts Ray again, or reports that the cluster's head is lost.
_DRIVER_ENVIRONMENT = {GCS_RECONNECT_TIMEOUT: "86400"}

# Ray sets these in the driver's own process when it starts, and leaves them there: the first leads `breakpoint()` to a
# debugger that does not stop once Ray has ended.
_SET_BY_RAY = ("PYTHONBREAKPOINT", "RAY_AUTH_MODE")

for _name, _value in {**WORKER_ENVIRONMENT, **_DRIVER_ENVIRONMENT}.items():
    os.environ.setdefault(_name, _value)


def variables_set_by_ray() -> Mapping[str, str | None]:
    """Return the present values of the variables that Ray sets in the driver's process; None where one is not set."""
    return {name: os.environ.get(name) for name in _SET_BY_RAY}


def restore_variables(values: Mapping[str, str | None]) -> None:
    """Set environment variables to their values of before; None removes one."""
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
