"""The results of a benchmark's trainings, a JSON file each: the same command continues after an interruption.

Each file has the origin of its result, the versions and the processor, so that a table can name a mixture.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, TypeVar

from benchmarks.processor import processor_name
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
    """Write a result to its file, with its origin: this machine, now."""
    with atomic_write(folder / f"{key}.json") as file:
        file.write(json.dumps({**result, "origin": describe_origin()}, indent=1).encode())


def describe_origin() -> str:
    """Return what a result depends on besides its design: versions and processor."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("sweeper", "torch", "transformers"))
    return f"{versions}, {processor_name()}"


def mixture_lines(origins: Iterable[str | None]) -> list[str]:
    """Return a paragraph that names the origins of the results in a table; nothing if all have the same.

    Results that were kept before they had an origin are unknown.
    """
    counts = Counter("unknown" if origin is None else origin for origin in origins)
    if len(counts) < 2:
        return []
    named = "; ".join(f"{count} of {origin}" for origin, count in counts.most_common())
    return ["", f"These results do not have the same origin, so differences between them may come from it: {named}."]


def choose_by_name(trainings: Sequence[_Training], word: str | None) -> list[_Training]:
    """Return the trainings whose name contains a word, all for None. Raises UsageError if none does."""
    chosen = [training for training in trainings if word is None or word in training.name]
    if not chosen:
        names = "; ".join(dict.fromkeys(training.name for training in trainings))
        raise UsageError(f"--only {word}: no such training, allowed are parts of: {names}")
    return chosen
