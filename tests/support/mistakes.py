"""Search spaces with a mistake, and the message that a user gets for one.

The line of a mistake is marked `# <-` in the file itself. A mistake without a mark is reported at the first line.
"""

from pathlib import Path

import pytest

from sweeper.errors import UsageError
from sweeper.search_space import parser, yaml_file

Mistake = tuple[str, str, *tuple[str, ...]]
"""The file, the key that the message opens with, and other parts of the message."""

HEAD = "dataset: sst5\ncompare: {encoder: [a, b], loss: [ce, scl, lcl]}\n"
TAU = "tau: {log: [1, 2], when: {normalize: true}}"


def top(*lines: str) -> str:
    """Return a space with these lines at its end."""
    return HEAD + "\n".join(lines) + "\n"


def search(*lines: str, then: str = "") -> str:
    """Return a space with these lines under `search`, and other lines after them."""
    return HEAD + "search:\n" + "".join(f"  {line}\n" for line in lines) + then


def cases(*lines: str) -> str:
    """Return a space in which tau has these cases."""
    return search("tau:", "  cases:", *(f"    - {line}" for line in lines))


def start(entry: str, *hyperparameters: str) -> str:
    """Return a space with these hyperparameters whose second entry of start_with is `entry`."""
    return search(*hyperparameters, then=f"start_with:\n  - {{loss: scl, batch_size: 4}}\n  - {entry}  # <-\n")


def error_message(file: Path, *overrides: str) -> str:
    """Return the message that the user gets for a file."""
    with pytest.raises(UsageError) as caught:
        parser.parse_spec(yaml_file.load_yaml(file, overrides))
    assert caught.value.exit_code == 2
    return str(caught.value)


def message_and_place(folder: Path, text: str) -> tuple[str, str]:
    """Return the one-line message for a file with this text, and the place that it must open with."""
    file = folder / "space.yaml"
    file.write_text(text, encoding="utf-8")
    line = text[: text.find("# <-")].count("\n") + 1 if "# <-" in text else 1
    message = error_message(file)
    assert len(message.splitlines()) == 1, message
    return message, f"{file}:{line}: "


def check_message(folder: Path, text: str, key: str, says: list[str]) -> None:
    """Assert that a mistake is one line with its place, its key, and these parts."""
    message, place = message_and_place(folder, text)
    assert message.startswith(f"{place}{key}: ")
    assert [fragment for fragment in says if fragment not in message] == [], message
