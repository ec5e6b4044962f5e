"""A line on the terminal after this process was ended at once, so that it could not write one itself.

The system does that with `kill -9` and where memory runs out, and so does Ray where its raylet shuts down.
"""

import os
import subprocess
from contextlib import suppress

_SCRIPT = r"""while IFS= read -r line; do state=$line; done
[ "$state" = closed ] && exit
[ "$state" = screen ] && printf '\033[?1049l'
[ "$state" = lines ] || printf '\033[?25h'
printf '%s\n' "$0" >&2
"""


class LastWords:
    """A line that a shell writes once this process is gone. It waits at the end of a pipe for that.

    It also leaves the full screen, and shows the cursor. Where there is no shell, nothing is written.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, text: str, screen: int, errors: int, *, is_live: bool) -> None:
        """Write a text on the file descriptor `errors`, unless `close` is called before this process ends.

        `is_live` says that the descriptor `screen` is a terminal that can be redrawn.
        """
        with suppress(OSError):  # a session of its own: Ctrl-C is not for the shell
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, text], stdin=subprocess.PIPE, stdout=screen, stderr=errors,
                start_new_session=True,
            )  # fmt: skip
        self._send("cursor" if is_live else "lines")

    def use_screen(self, is_used: bool) -> None:
        """Note that the view begins to use the full screen, or has left it."""
        self._send("screen" if is_used else "cursor")

    def close(self) -> None:
        """Write nothing: this process ends with words of its own."""
        self._send("closed")
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()
        self._process = None

    def _send(self, state: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):  # somebody has ended the shell
                os.write(self._process.stdin.fileno(), f"{state}\n".encode())
