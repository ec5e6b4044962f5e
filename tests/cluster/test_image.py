"""The Dockerfile's steps make an environment in which Ray and sweeper run."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.cluster.files import CLUSTER, HEALTH
from tests.conftest import ROOT


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: which, and what."""
    text = re.sub(r"^#.*\n", "", (CLUSTER / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def test_the_image_copies_what_is_there_and_installs_the_constrained_versions() -> None:
    for what, rest in steps():
        if what == "COPY":
            assert all((ROOT / source).exists() for source in rest.split()[:-1]), rest
        if what == "RUN" and "pip" in rest:
            assert "--constraint constraints.txt" in rest
    assert next(rest for what, rest in steps() if what == "FROM").startswith("python:3.11-")


def test_the_image_has_rays_job_server() -> None:
    """Without Ray's `default` extra a head takes no jobs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert any(one.name == "ray" and "default" in one.extras for one in map(Requirement, project["dependencies"]))


def test_the_images_health_checks_are_those_of_a_node_by_hand() -> None:
    for file in ("Dockerfile", "node.sh"):
        found = re.findall(r"RAY_health_check_(\w+)=(\w+)", (CLUSTER / file).read_text())
        assert dict(found) == HEALTH


def test_the_image_has_one_tag_wherever_it_is_named_and_it_is_sweepers_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    named = [re.findall(r"sweeper:(\d[\w.]*)", path.read_text()) for path in CLUSTER.rglob("*") if path.is_file()]
    assert {tag for tags in named for tag in tags} == {version}


@pytest.mark.image
@pytest.mark.slow
def test_the_images_pip_steps_make_an_environment_in_which_ray_and_sweeper_run(tmp_path: Path) -> None:
    place, bin_ = tmp_path / "image", tmp_path / "venv" / "bin"
    place.mkdir()
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": ""}
    for what, rest in steps():
        *sources, target = rest.split()
        if what == "COPY" and not target.startswith("/"):
            for source in sources:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, place / (source if target == "./" else target))
        if what == "RUN" and rest.startswith("pip"):
            subprocess.run(["bash", "-c", rest], cwd=place, env=environment, check=True, timeout=1200)
    for line in ("ray --version", "sweeper submit --help", "python -c 'import s3fs, boto3, torch, ray.dashboard.head'"):
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    space = ROOT / "search_spaces" / "quickstart.yaml"
    checked = subprocess.run([bin_ / "sweeper", "check", space], cwd=tmp_path, env=environment, check=False)
    assert checked.returncode == 0
    installed = subprocess.check_output(
        [bin_ / "python", "-c", "import sweeper; print(sweeper.__file__)"], cwd=tmp_path, text=True
    )
    assert installed.startswith(str(tmp_path))  # the installed one, with its data
