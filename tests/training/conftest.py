"""The tiny training data, made once for all tests; no test changes it."""

import pytest

from sweeper.training.types import TrainingData
from tests.support import tiny_training


@pytest.fixture(scope="session")
def data() -> TrainingData:
    return tiny_training.data()
