"""The README tells the truth: its commands run, its YAML is the file's, its knobs and targets exist."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.command import sweeper
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]


def test_the_explained_yaml_is_the_shipped_file() -> None:
    (explained,) = blocks("yaml")
    assert yaml.safe_load(explained) == yaml.safe_load((ROOT / "search_spaces" / "sst5.yaml").read_text())


@pytest.mark.parametrize("command", commands(), ids=shlex.join)
def test_every_command_runs(command: list[str], tmp_path: Path) -> None:
    """`make` targets and sweeps are asked what they would do here; test_end_to_end.py and the slow suite run them."""
    if command[0] == "make":
        done = subprocess.run(
            ["make", "--dry-run", *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return
    assert command[0] == "sweeper"
    verb = ["check", *command[2:]] if command[1] == "run" else command[1:]
    done = sweeper(*verb, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted(ROOT.glob("search_spaces/*.yaml")), ids=lambda path: path.name)
def test_every_search_space_is_right_and_opens_with_its_command(path: Path) -> None:
    assert path.read_text().splitlines()[0] == f"# sweeper run search_spaces/{path.name}"
    assert sweeper("check", f"search_spaces/{path.name}", cwd=ROOT).returncode == 0


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
