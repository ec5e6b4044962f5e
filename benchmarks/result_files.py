"""The results of a benchmark's trainings, a JSON file each: the same command continues after an interruption."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sweeper.atomic_write import atomic_write
from sweeper.errors import UsageError


class Named(Protocol):
    """Anything with a name, such as a training."""

    @property
    def name(self) -> str:
        """The name of a row of the table."""


_Training = TypeVar("_Training", bound=Named)


def file_key(content: Any) -> str:
    """Return a name for a training's file, which differs if its content differs."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_result(folder: Path, key: str) -> dict[str, Any] | None:
    """Return the result with this key, or None if there is none."""
    path = folder / f"{key}.json"
    if not path.exists():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def write_result(folder: Path, key: str, result: Mapping[str, Any]) -> None:
    """Write a result to its file."""
    with atomic_write(folder / f"{key}.json") as file:
        file.write(json.dumps(result, indent=1).encode())


def choose_by_name(trainings: Sequence[_Training], word: str | None) -> list[_Training]:
    """Return the trainings whose name contains a word, all for None. Raises UsageError if none does."""
    chosen = [training for training in trainings if word is None or word in training.name]
    if not chosen:
        names = "; ".join(dict.fromkeys(training.name for training in trainings))
        raise UsageError(f"--only {word}: no such training, allowed are parts of: {names}")
    return chosen
