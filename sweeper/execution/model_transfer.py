"""Models of confirmed trials, copied between the driver's disk and nodes that share no folder with it.

Without `storage:` the checkpoints of a trial stay on its node. There are many of them, and losing one costs an epoch.
There are few models, and losing one costs a whole training, so they are sent to the driver.
"""

import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.atomic_write import atomic_write
from sweeper.execution.attempt import Event
from sweeper.storage.trial_files import MODEL_FILES
from sweeper.training.types import Heartbeat
from sweeper.trials.trial import TrialEnd

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ModelExchange:
    """The models of trials on the driver's disk. The folder of a trial has the same path on every node."""

    def has_model(self, path: Path, size: int, modified_at: int) -> bool:
        """Return True if the file has this size (bytes) and time (ns) here, as it has if the nodes share the folder."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns) == (size, modified_at)

    def save_model(self, path: Path, content: "NDArray[np.uint8]") -> None:
        """Write a model's bytes (N,) to `path`, completely or not at all."""
        with atomic_write(path) as file:
            file.write(content.data)

    def load_models(self, folder: Path) -> "Mapping[Path, NDArray[np.uint8]]":
        """Return the bytes (N,) of the models in a trial's folder, by path."""
        return {path: np.fromfile(path, np.uint8) for path in folder.glob(MODEL_FILES)}


class _RemoteModelExchange(ModelExchange):
    """A ModelExchange in a Ray actor. Errors of Ray are raised as OSError."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def has_model(self, path: Path, size: int, modified_at: int) -> bool:
        return bool(_call(self.actor.has_model, path, size, modified_at))

    def save_model(self, path: Path, content: "NDArray[np.uint8]") -> None:
        _call(self.actor.save_model, path, content)

    def load_models(self, folder: Path) -> "Mapping[Path, NDArray[np.uint8]]":
        models: Mapping[Path, NDArray[np.uint8]] = _call(self.actor.load_models, folder)
        return models


def _call(method: Any, *arguments: Any) -> Any:
    try:
        return ray.get(method.remote(*arguments))
    except ray.exceptions.RayError as error:
        raise OSError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error


def start_model_exchange() -> ModelExchange:
    """Start a ModelExchange on this process's node, which workers can use from every node."""
    this_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return _RemoteModelExchange(ray.remote(num_cpus=0, scheduling_strategy=this_node)(ModelExchange).remote())


def with_model_transfer(
    events: Generator[Event, None, None], folder: Path, exchange: ModelExchange
) -> Generator[Event, None, None]:
    """Yield the events of an attempt, after fetching the trial's model if the driver has one.

    A model that the attempt leaves in `folder` is sent to the driver before the TrialEnd is yielded. No copy stays on
    this node. A transfer that fails is reported in a Heartbeat and does not end the trial: a missing model is trained
    again when it is scored.
    """
    fetched: list[Path] = []
    yield _attempt_transfer(lambda: fetched.extend(_fetch_models(folder, exchange)), "cannot be fetched from")
    try:
        with closing(events):
            for event in events:
                if isinstance(event, TrialEnd):
                    yield _attempt_transfer(lambda: _send_models(folder, exchange), "could not be sent to")
                yield event
    finally:
        for path in fetched:
            path.unlink(missing_ok=True)


def _attempt_transfer(transfer: Callable[[], None], failure: str) -> Heartbeat:
    try:
        transfer()
    except OSError as error:
        return Heartbeat(f"its model {failure} the driver ({error})")
    return Heartbeat()


def _fetch_models(folder: Path, exchange: ModelExchange) -> Iterator[Path]:
    """Copy the trial's models to this node, unless one is here already. Yields the path of each before writing it."""
    if any(folder.glob(MODEL_FILES)):
        return
    for path, content in exchange.load_models(folder).items():
        yield path
        with atomic_write(path) as file:
            file.write(content.data)


def _send_models(folder: Path, exchange: ModelExchange) -> None:
    """Send the trial's models to the driver, and delete them here if the driver's folder is another one."""
    for path in folder.glob(MODEL_FILES):
        status = path.stat()
        if not exchange.has_model(path, status.st_size, status.st_mtime_ns):
            exchange.save_model(path, np.fromfile(path, np.uint8))
            if os.path.samestat(path.stat(), status):  # otherwise the driver has replaced this very file
                path.unlink()
