"""Altered files give results or one of our errors, and never a traceback."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from sweeper.errors import SweeperError
from tests.mistakes.fuzz_targets import TARGETS, Target
from tests.mistakes.mutations import EDITS, Edit, mutate

_SLOW = ("search space", "sweep", "re", "mlflow")


def fuzz(target: Target, folder: Path, examples: int, *, is_repeatable: bool) -> None:
    """Read so many altered files. Any error but ours fails the test, and so does one of ours without a message."""
    path = target.make(folder)
    content = path.read_bytes()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=is_repeatable,
        suppress_health_check=list(HealthCheck),
    )
    @given(EDITS)
    def read_altered(edits: list[Edit]) -> None:
        path.write_bytes(mutate(content, edits))
        message = "read"
        try:
            target.read(path)
        except SweeperError as error:
            message = str(error)
        assert message.strip()

    read_altered()


@pytest.mark.parametrize("name", TARGETS)
def test_altered_files_give_no_traceback(name: str, tmp_path: Path) -> None:
    fuzz(TARGETS[name], tmp_path, 10 if name.startswith(_SLOW) else 40, is_repeatable=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_many_altered_files_give_no_traceback(name: str, tmp_path: Path) -> None:
    fuzz(TARGETS[name], tmp_path, 40 if name.startswith(_SLOW) else 500, is_repeatable=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", TARGETS)
def test_other_altered_files_each_time_give_no_traceback(name: str, tmp_path: Path) -> None:
    examples = 100 if name.startswith("mlflow") else 300 if name.startswith(_SLOW) else 3000
    fuzz(TARGETS[name], tmp_path, examples, is_repeatable=False)
