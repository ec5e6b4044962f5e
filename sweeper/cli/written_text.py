"""The text that a command prints, or writes to the file of its option --out."""

from pathlib import Path

from sweeper.atomic_write import atomic_write
from sweeper.terminal.terminal import Terminal
from sweeper.terminal.word_wrap import wrap_markdown


def write_text(terminal: Terminal, text: str, out: Path | None, remark: str = "", *, is_markdown: bool = False) -> None:
    """Print `text` on stdout, or write it to the file `out` and say so, with `remark` behind the file's name.

    On a terminal, long lines of Markdown are broken between words.
    """
    if out is None:
        wraps = is_markdown and terminal.console.is_terminal
        terminal.write(wrap_markdown(text, terminal.width) if wraps else text)
        return
    with atomic_write(out) as file:
        file.write(text.encode())
    terminal.line(f"written to {out}{remark}")
