"""The tiny training data, made once: no test changes it."""

import pytest

from sweeper.values import TrainingData
from tests.learn import tiny


@pytest.fixture(scope="session")
def data() -> TrainingData:
    return tiny.data()
