"""Opens a page in the user's graphical browser. A text browser would take the terminal, so it is not used."""

import os
import sys
import threading
import webbrowser

_DISPLAYS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")  # environment variables, one of which a graphical session has

_START_TIMEOUT = 5.0  # seconds


def has_browser() -> bool:
    """Return True if there is a graphical session, or the variable BROWSER names a browser."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, _DISPLAYS))


def open_page(url: str) -> None:
    """Open a page in the browser. Nothing happens if none can be started; one that does not return is left alone."""
    thread = threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True)
    thread.start()
    thread.join(_START_TIMEOUT)
