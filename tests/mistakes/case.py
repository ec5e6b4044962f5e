"""The cases of the catalogue: what a user does wrong, and what the command prints to standard error then."""

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import pytest
import yaml

from tests.mistakes.givens import GIVENS
from tests.mistakes.servers import serve
from tests.support.run_here import run_here

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
HEAD = "dataset: sst5\ncompare: {encoder: [a, b], loss: [ce, scl, lcl]}\n"
_LONG_LIST = re.compile(r"(?:[\w.-]+, ){8,}[\w.-]+|(?:'\w+', ){4,}'\w+' or '\w+'")  # of a registry, which grows
_RUN = re.compile(r"\b[0-9a-f]{32}\b")  # the id of a run of MLflow's
_VERSION = re.compile(r"\b(mlflow|Python) \d+(?:\.\d+)+")
_VARIABLES = {
    "COLUMNS": "1000",
    "NO_COLOR": "1",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # sweeper sets it once in a process
}


@dataclass(frozen=True)
class Mistake:
    """A case: the files that are there, the command, and what it says. The top of the catalogue explains the keys."""

    group: str
    mistake: str
    says: str = ""
    adds: str | None = None
    space: str | None = None
    given: str = ""
    server: str = ""
    lacks: str = ""
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
        with chdir(folder), mock.patch.dict(os.environ, _VARIABLES):
            sweep = GIVENS[self.given]() if self.given else None
            with serve(self.server) as port, pytest.MonkeyPatch.context() as patch:
                if self.lacks:
                    patch.setitem(sys.modules, self.lacks, None)
                code, said = self._run(folder, {"SWEEP": sweep or "SWEEP", "PORT": str(port), "HERE": str(folder)})
        names = {str(folder.resolve()): "HERE", str(folder): "HERE", **({sweep: "SWEEP"} if sweep else {})}
        for text, name in names.items():
            said = said.replace(text, name)
        said = re.sub(rf"\b{port}\b", "PORT", said) if port else said
        return code, _VERSION.sub(r"\1 VERSION", _RUN.sub("RUN", _LONG_LIST.sub("NAMES", said)))

    def _run(self, folder: Path, names: Mapping[str, str]) -> tuple[int, str]:
        """Run the command with the values of these names, and return its exit code and what it says."""

        def fill(text: str) -> str:
            for name, value in names.items():
                text = text.replace(name, value)
            return text

        variables = {**_VARIABLES, **{name: fill(value) for name, value in self.env.items()}}
        arguments = [fill(word) for word in shlex.split(self.run)]
        done = run_here(arguments, folder, variables=variables, typed=self.input or "")
        return done.returncode, done.stderr.strip("\n")


def load_catalogue() -> Iterator[Mistake]:
    """Yield the cases of the catalogue in its order."""
    for group, cases in yaml.safe_load(CATALOGUE.read_text(encoding="utf-8")).items():
        for case in cases:
            yield Mistake(group=group, **case)
