"""A thread that starts Ray, so that the driver can read its data meanwhile."""

import signal
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from threading import Thread


class BackgroundStart:
    """Calls `start` in a thread that stays until `close`, because Linux ends Ray's processes with their thread.

    At the end of a process that does not call `close`, the thread outlives Ray's own cleaning up, which needs Ray's
    processes. Processes started there inherit that SIGHUP is blocked, so they survive a closed terminal until the
    driver ends them. Handlers of signals stay as they are: `ray.init` replaces them in the main thread only (Ray 2.60).
    """

    def __init__(self, start: Callable[[], None]) -> None:
        self._start = start
        self._calls: SimpleQueue[Future[None] | None] = SimpleQueue()  # None ends the thread
        self._thread = Thread(target=self._serve, name="start of Ray", daemon=True)
        self._thread.start()
        self._future = self._call()

    def _call(self) -> Future[None]:
        future: Future[None] = Future()
        self._calls.put(future)
        return future

    def _serve(self) -> None:
        _block_hangup()
        while (future := self._calls.get()) is not None:
            try:
                self._start()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(None)

    @property
    def is_running(self) -> bool:
        """True until `start` has returned or raised."""
        return not self._future.done()

    def wait(self) -> None:
        """Return once `start` has returned. Raises what it raised."""
        self._future.result()

    def repeat(self) -> None:
        """Call `start` again, and return once it has returned. Raises what it raises."""
        self._future = self._call()
        self.wait()

    def close(self, end: Callable[[], None]) -> None:
        """Wait for `start`, call `end`, and end the thread."""
        wait([self._future])
        try:
            end()
        finally:
            self._calls.put(None)
            self._thread.join()


def _block_hangup() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
