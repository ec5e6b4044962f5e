"""A file behind which somebody reads, perhaps not to the end."""

import io
from contextlib import suppress
from typing import Any


class TerminalFile(io.FileIO):
    """A terminal or pipe that may be closed while a sweep runs. Later writes are lost, without an error."""

    has_failed = False  # a write was lost

    def write(self, data: Any) -> int:
        """Write `data`, if somebody still reads."""
        with suppress(OSError):
            return super().write(data)
        self.has_failed = True
        return len(data)
