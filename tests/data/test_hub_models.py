"""The card of a model names its licence; it comes with the model from a hub, and then from the cache."""

import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.data.hub_models import MODEL_CARD, read_licence
from tests.conftest import HUB, needs
from tests.support.cli_runner import environment

PROGRAM = """
from sweeper.data.hub_encoders import fetch_encoder
from sweeper.data.hub_models import read_licence
print(read_licence(fetch_encoder("org/model").value))
"""


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n# A model\n", "apache-2.0"),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "mit, cc-by-4.0"),
        ("---\nlicense: other\nlicense_name: llama3\n---\n", "llama3"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlanguage: en\n---\n", ""),
        ("# A model\n", ""),
        ("---\nlicense: [\n---\n", ""),
        ("---\n- a list\n---\n", ""),
        ("---\nlicense: mit\nmodel-index: wrong\n---\n", "mit"),
        ("", ""),
    ],
)
def test_the_licence_is_that_of_the_front_matter(text: str, licence: str, tmp_path: Path) -> None:
    (tmp_path / MODEL_CARD).write_text(text, encoding="utf-8")
    assert read_licence(tmp_path) == licence


def test_without_a_card_the_licence_is_unknown(tmp_path: Path) -> None:
    assert read_licence(tmp_path) is None


def test_a_card_that_is_not_utf_8_names_its_licence(tmp_path: Path) -> None:
    (tmp_path / MODEL_CARD).write_bytes("---\nlicense: apache-2.0\n---\nModèle".encode("latin-1"))
    assert read_licence(tmp_path) == "apache-2.0"
    (tmp_path / MODEL_CARD).write_bytes("---\nlanguage: fr\n---\nModèle".encode("latin-1"))
    assert read_licence(tmp_path) == ""


@pytest.mark.hub
def test_the_card_comes_with_the_encoder_and_stays_in_the_cache(tmp_path: Path) -> None:
    needs(HUB)
    model = tmp_path / "served" / "models" / "org" / "model"
    model.mkdir(parents=True)
    (model / MODEL_CARD).write_text("---\nlicense: bsd-3-clause\n---\n")
    (model / "config.json").write_text('{"model_type": "bert"}')
    (model / "model.safetensors").write_bytes(b"weights")
    served = [sys.executable, str(HUB), "--port", "0", "--root", str(tmp_path / "served")]
    with subprocess.Popen(served, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        name, _, address = server.stdout.readline().strip().partition("=")
        online = _fetch({name: address, "HF_HOME": str(tmp_path / "home")})
        server.terminate()
    offline = _fetch({"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")})
    assert (online, offline) == ("bsd-3-clause", "bsd-3-clause")


def _fetch(variables: dict[str, str]) -> str:
    """Return the licence of the encoder as a process with these variables finds it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment(variables), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
