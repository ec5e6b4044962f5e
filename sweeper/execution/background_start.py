"""A thread that starts Ray, so that the driver can read its data meanwhile."""

import signal
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait


class BackgroundStart:
    """Calls `start` in a thread that stays until `close`, because Linux ends Ray's processes with their thread.

    Processes started there inherit that SIGHUP is blocked, so they survive a closed terminal until the driver ends
    them. Handlers of signals stay as they are: `ray.init` replaces them in the main thread only (Ray 2.60).
    """

    def __init__(self, start: Callable[[], None]) -> None:
        self._start = start
        self._pool = ThreadPoolExecutor(1, "start of Ray", initializer=_block_hangup)
        self._future: Future[None] = self._pool.submit(start)

    @property
    def is_running(self) -> bool:
        """True until `start` has returned or raised."""
        return not self._future.done()

    def wait(self) -> None:
        """Return once `start` has returned. Raises what it raised."""
        self._future.result()

    def repeat(self) -> None:
        """Call `start` again, and return once it has returned. Raises what it raises."""
        self._future = self._pool.submit(self._start)
        self.wait()

    def close(self, end: Callable[[], None]) -> None:
        """Wait for `start`, call `end`, and end the thread."""
        wait([self._future])
        try:
            end()
        finally:
            self._pool.shutdown()


def _block_hangup() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
