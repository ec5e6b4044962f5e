"""Settings and fixtures for all tests: how they are divided between processes, and a model hub on loopback."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from tests.support.browser import Browser, find_chromium
from tests.support.cli_runner import names_a_service

ROOT = Path(__file__).parents[1]
HUB = ROOT.parent / "shared" / "hub" / "serve.py"
REVIEWS = ROOT.parent / "shared" / "files" / "persian_reviews"


def pytest_configure() -> None:
    """Forget the user's own hub, MLflow server and Ray cluster, which no test may reach. Give examples any time."""
    for name in filter(names_a_service, list(os.environ)):
        del os.environ[name]
    import sweeper.training  # noqa: F401  # sets what torch reads when it is imported, which a test file may do before

    settings.register_profile("any machine", deadline=None)  # an example's first run imports libraries
    settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slow tests if several processes share them: Ray's, then MLflow's and the hub's.

    `--dist loadfile` keeps the tests of a file together, because they share its module fixtures.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=_priority)  # stable: tests of one file keep their order


def _priority(item: pytest.Item) -> int:
    """Return 0 for Ray's tests, 1 for others that take seconds, 2 for the rest."""
    if item.get_closest_marker("ray"):
        return 0
    return 1 if any(item.get_closest_marker(name) for name in ("simulation", "mlflow", "hub", "browser")) else 2


def needs(path: Path) -> None:
    """Skip the test if `path`, which is not part of the project, is missing.

    With SWEEPER_REQUIRE_HUB set, the test fails instead.
    """
    if not path.exists():
        skip(f"absent: {path}", "SWEEPER_REQUIRE_HUB")


def skip(reason: str, required: str) -> NoReturn:
    """Skip the test; fail instead where the environment variable `required` is set."""
    if os.environ.get(required):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start headless Chromium, with a new profile. With SWEEPER_REQUIRE_BROWSER set, the test fails without it."""
    program = find_chromium()
    if program is None:
        skip("absent: chromium or google-chrome", "SWEEPER_REQUIRE_BROWSER")
    with Browser(program, tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start a model hub on a free port of loopback. Yields the environment that leads there, with an empty cache."""
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
