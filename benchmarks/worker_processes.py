"""Worker processes that end with their parent, however it ends."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any


def worker_pool(workers: int, initializer: Callable[..., None] | None = None, *arguments: Any) -> ProcessPoolExecutor:
    """Return a pool of new processes. Each calls `initializer` with the arguments before its first job."""
    return ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (initializer, arguments))


def _start_worker(initializer: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*arguments)


def _end_with_parent() -> None:
    """End this process as soon as its parent has ended. A parent that was killed could not tell it to."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
