"""The text that a command prints, or writes to the file of its option --out."""

from pathlib import Path

from sweeper.atomic_write import atomic_write
from sweeper.terminal.terminal import Terminal


def write_text(terminal: Terminal, text: str, out: Path | None, remark: str = "") -> None:
    """Print `text` on stdout, or write it to the file `out` and say so, with `remark` behind the file's name."""
    if out is None:
        terminal.write(text)
        return
    with atomic_write(out) as file:
        file.write(text.encode())
    terminal.line(f"written to {out}{remark}")
