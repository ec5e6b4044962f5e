"""The cases of the catalogue: what a user does wrong, and what the command prints to standard error then."""

import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from unittest import mock

import yaml

from sweeper.cli import app
from tests.mistakes.givens import GIVENS

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
HEAD = "dataset: sst5\ncompare: {encoder: [a, b], loss: [ce, scl, lcl]}\n"
_LONG_LIST = re.compile(r"(?:[\w.-]+, ){8,}[\w.-]+|(?:'\w+', ){4,}'\w+' or '\w+'")  # of a registry, which grows
_VARIABLES = {"COLUMNS": "1000", "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"}


@dataclass(frozen=True)
class Mistake:
    """A case: the files that are there, the command, and what it says. The top of the catalogue explains the keys."""

    group: str
    mistake: str
    says: str = ""
    adds: str | None = None
    space: str | None = None
    given: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    run: str = "check space.yaml"
    input: str | None = None
    exit: int = 2

    def provoke(self, folder: Path) -> tuple[int, str]:
        """Make the files in an empty folder, run the command there, and return its exit code and what it says."""
        folder = folder / "reviews"  # which names the data set of train.csv
        folder.mkdir()
        texts = dict(self.files)
        if self.adds is not None or self.space is not None:
            texts["space.yaml"] = self.space if self.space is not None else f"{HEAD}{self.adds}"
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", newline="")
        with _working_in(folder), mock.patch.dict(os.environ, {**_VARIABLES, **self.env}):
            sweep = GIVENS[self.given]() if self.given else None
            arguments = [word.replace("SWEEP", sweep or "SWEEP") for word in shlex.split(self.run)]
            code, said = _run(arguments, self.input or "")
        said = (
            _LONG_LIST.sub("NAMES", said.strip("\n"))
            .replace(str(folder.resolve()), "HERE")
            .replace(str(folder), "HERE")
        )
        return code, said.replace(sweep, "SWEEP") if sweep else said


def load_catalogue() -> Iterator[Mistake]:
    """Yield the cases of the catalogue in its order."""
    for group, cases in yaml.safe_load(CATALOGUE.read_text(encoding="utf-8")).items():
        for case in cases:
            yield Mistake(group=group, **case)


def _run(arguments: Sequence[str], typed: str) -> tuple[int, str]:
    """Run the command in this process, and return its exit code and what it writes to standard error.

    Its terminal writes to the file descriptors, and Typer to `sys.stderr`, so both are replaced.
    """
    with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
        with (
            _replaced(1, out),
            _replaced(2, err),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode("utf-8")))),
        ):
            try:
                app(arguments, prog_name="sweeper")
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
        err.seek(0)
        return code, err.read().decode("utf-8")


@contextmanager
def _replaced(descriptor: int, file: IO[bytes]) -> Iterator[None]:
    """Let a standard stream of this process lead to a file."""
    name = {1: "stdout", 2: "stderr"}[descriptor]
    before = os.dup(descriptor)
    os.dup2(file.fileno(), descriptor)
    stream = open(descriptor, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    try:
        with mock.patch.object(sys, name, stream):
            yield
    finally:
        stream.flush()
        os.dup2(before, descriptor)
        os.close(before)


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
