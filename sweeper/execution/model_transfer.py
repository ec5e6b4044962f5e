"""Models of confirmed trials on their way between the driver's folder and nodes that share no folder with it.

Without a `storage:` a checkpoint stays on its node: there are many, and each is worth an epoch. A model is worth a
whole training, and there are few.
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
from sweeper.training.types import Heartbeat
from sweeper.trials.trial import TrialEnd

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MODELS = "model-*.pt"

Call = Callable[..., Any]
"""call(method, *arguments): what a Desk answers."""


class ModelExchange:
    """The driver's disk for models: the folder of a trial has the same path on each node."""

    def has(self, path: Path, size: int, stamp: int) -> bool:
        """Whether a file of this size (bytes) and time (ns) is here: it is, where the nodes share the folder."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        return (found.st_size, found.st_mtime_ns) == (size, stamp)

    def take(self, path: Path, content: "NDArray[np.uint8]") -> None:
        """Keep a model, whole or not at all."""
        with atomic_write(path) as file:
            file.write(content.data)

    def give(self, folder: Path) -> "Mapping[Path, NDArray[np.uint8]]":
        """The models of a trial."""
        return {path: np.fromfile(path, np.uint8) for path in folder.glob(_MODELS)}


def start_model_exchange() -> Call:
    """A Desk on the node that this process is on, for workers to call from anywhere."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return _Remote(ray.remote(num_cpus=0, scheduling_strategy=here)(ModelExchange).remote())


class _Remote:
    """A Call by way of Ray; what goes wrong there is an OSError."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def __call__(self, method: str, *arguments: Any) -> Any:
        try:
            return ray.get(getattr(self.actor, method).remote(*arguments))
        except ray.exceptions.RayError as error:
            raise OSError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error


def with_model_transfer(events: Generator[Event, None, None], folder: Path, call: Call) -> Generator[Event, None, None]:
    """The events of an attempt at the trial with this folder, which has the trial's model where there is one.

    A model that the attempt leaves is with the driver before the attempt has ended. No copy stays here. What cannot be
    carried is said, and the trial goes on without: where there is no model, scoring it trains it once more.
    """
    fetched: list[Path] = []
    yield _tried(lambda: fetched.extend(_fetched(folder, call)), "cannot be had from the driver")
    try:
        with closing(events):
            for event in events:
                if isinstance(event, TrialEnd):
                    yield _tried(lambda: _send(folder, call), "could not be brought to the driver")
                yield event
    finally:
        for path in fetched:
            path.unlink(missing_ok=True)


def _tried(carry: Callable[[], None], trouble: str) -> Heartbeat:
    try:
        carry()
    except OSError as error:
        return Heartbeat(f"its model {trouble} ({error})")
    return Heartbeat()


def _fetched(folder: Path, call: Call) -> Iterator[Path]:
    """Bring the trial's models here, where none is: what was brought."""
    if any(folder.glob(_MODELS)):
        return
    for path, content in call("give", folder).items():
        yield path
        with atomic_write(path) as file:
            file.write(content.data)


def _send(folder: Path, call: Call) -> None:
    """Bring the trial's models to the driver. Where it keeps them in another folder than this, none stays here."""
    for path in folder.glob(_MODELS):
        own = path.stat()
        if not call("has", path, own.st_size, own.st_mtime_ns):
            call("take", path, np.fromfile(path, np.uint8))
            if os.path.samestat(path.stat(), own):
                path.unlink()
