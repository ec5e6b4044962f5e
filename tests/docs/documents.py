"""The project's documents for people: their blocks, commands and links."""

import re
import shlex
from pathlib import Path

from tests.conftest import ROOT

README = ROOT / "README.md"
# cluster/README.md has tests of its own, and the pages of the reference are made from the code.
DOCUMENTS = (README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))


def name_of(document: Path) -> str:
    """Return the path of a document in the project."""
    return document.relative_to(ROOT).as_posix()


def text_of(document: Path) -> str:
    """Return the text of a document."""
    return document.read_text(encoding="utf-8")


def blocks(document: Path, language: str) -> list[str]:
    """Return the code blocks of a language in a document, in order."""
    return re.findall(rf"```{language}\n(.*?)```", text_of(document), flags=re.DOTALL)


def all_blocks(language: str) -> dict[str, str]:
    """Return the code blocks of a language in all documents, by document and number."""
    return {
        f"{name_of(document)}-{number}": block
        for document in DOCUMENTS
        for number, block in enumerate(blocks(document, language))
    }


def commands() -> list[tuple[str, ...]]:
    """Return every command of the documents' shell blocks once, as words."""
    lines = [line for block in all_blocks("sh").values() for line in block.replace("\\\n", " ").splitlines()]
    words = [tuple(shlex.split(line, comments=True)) for line in lines]
    return list(dict.fromkeys(command for command in words if command))


def inline_code(document: Path) -> list[str]:
    """Return the texts in `backticks` of a document, outside its code blocks."""
    prose = re.sub(r"```.*?```", "", text_of(document), flags=re.DOTALL)
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]


def table(document: Path, head: str) -> dict[str, list[str]]:
    """Return the rows of the table that begins with `head`, by the names in backticks of their first column."""
    _, _, rest = text_of(document).partition(f"\n| {head}")
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    rows = [[column.strip() for column in line.strip("|").split("|")] for line in lines]
    return {name: row[1:] for row in rows for name in re.findall(r"`([^`]+)`", row[0])}
