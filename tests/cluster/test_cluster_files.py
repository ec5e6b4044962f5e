"""The README of cluster/ names every file there, and what a user must fill in is marked."""

import re

import pytest

from tests.cluster.files import CLUSTER, README
from tests.conftest import ROOT


def test_links_lead_somewhere_and_no_file_is_left_out() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)\)", README))
    for target in linked:
        assert (CLUSTER / target).exists(), target
    files = {path.name for path in CLUSTER.iterdir()} - {"README.md"}
    assert files - {name for name in files if name in linked or f"cluster/{name}" in README} == set()


def test_files_that_the_readme_names_exist() -> None:
    for path in re.findall(r"\b(?:cluster|search_spaces|tests)/[\w/.-]+\w", README):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("file", ["aws.yaml", "kuberay/volume.yaml", "kuberay/raycluster.yaml", "kuberay/rayjob.yaml"])
def test_what_a_user_must_fill_in_is_marked(file: str) -> None:
    """Made-up names are recognised by their form; each is on a line that says so."""
    for line in (CLUSTER / file).read_text().splitlines():
        made_up = re.search(r"0123456789abcdef0|123456789012|registry\.example|//mlflow|: shared\b|region: ", line)
        assert not made_up or "# yours" in line, line
