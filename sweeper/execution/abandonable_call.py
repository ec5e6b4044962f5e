"""Calls that may never come back."""

import threading
from collections.abc import Callable


def run_abandonable(call: Callable[[], object], reason: Callable[[], object], grace: float) -> None:
    """Run a call in a thread of its own, and raise what it raises.

    Once there is a `reason` for it to come back it has `grace` seconds to do so. Then it is left behind, in a thread
    that does not keep this process alive. Signals are handled here meanwhile, whatever the call is waiting for.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive() and not reason():
        thread.join(0.2)
    thread.join(grace)
    if raised:
        raise raised[0]
