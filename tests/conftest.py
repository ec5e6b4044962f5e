"""What many tests share: a hub on loopback, and the command as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HUB = ROOT.parent / "shared" / "hub" / "serve.py"
REVIEWS = ROOT.parent / "shared" / "files" / "persian_reviews"


def needs(path: Path) -> None:
    """Skip the test where something beside the project is absent; fail where it must be there."""
    if not path.exists():
        absent = f"absent: {path}"
        if os.environ.get("SWEEPER_REQUIRE_HUB"):
            pytest.fail(absent)
        pytest.skip(absent)


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment that leads to a real hub on loopback, on a free port and with a fresh cache."""
    needs(HUB)
    server = subprocess.Popen([sys.executable, str(HUB), "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        name, _, address = server.stdout.readline().strip().partition("=")
        assert name == "HF_ENDPOINT"
        yield {name: address, "HF_HOME": str(tmp_path_factory.mktemp("hf"))}
    finally:
        server.terminate()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
