"""Calls that may never return."""

import threading
from collections.abc import Callable


def run_abandonable(call: Callable[[], object], stop_reason: Callable[[], object], grace: float) -> None:
    """Run `call` in a thread and wait for it, until there is a reason to stop waiting.

    Once `stop_reason` returns something true, the call has `grace` seconds left to return. Then it is abandoned in its
    thread, which does not keep this process alive. This thread handles signals meanwhile, whatever the call waits for.
    Raises what the call raised.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive() and not stop_reason():
        thread.join(0.2)
    thread.join(grace)
    if errors:
        raise errors[0]
