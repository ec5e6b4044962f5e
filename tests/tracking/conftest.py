"""A store of MLflow's for each file of tests, and a sweep of its own in it for each test."""

import pytest


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> str:
    return f"sst5-{abs(hash(request.node.name)) % 16**8:08x}"
