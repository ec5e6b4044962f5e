"""A checkpoint is written completely or not at all, and is read as data."""

from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from sweeper.errors import CheckpointError
from sweeper.training import checkpoint
from sweeper.training.trainer import train
from sweeper.training.types import TrainingData
from tests.support import tiny_training


class Failing:
    """Something that raises while it is written."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> NoReturn:
        raise self.error


class Touch:
    """Something that makes a file when it is unpickled as code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_loading_returns_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "not yet" / "there" / "checkpoint.pt"
    state: dict[str, Any] = {
        "weights": torch.arange(6.0).reshape(2, 3),
        "done": 3,
        "reports": [{"step": 1, "metrics": {"a": 0.5}}],
    }
    checkpoint.save_checkpoint(state, path)
    loaded = checkpoint.load_checkpoint(path)
    assert torch.equal(loaded.pop("weights"), state.pop("weights"))
    assert loaded == state


@pytest.mark.parametrize("error", [RuntimeError("no space left"), KeyboardInterrupt()], ids=lambda e: type(e).__name__)
def test_a_failed_save_keeps_the_old_file_and_leaves_no_other(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save_checkpoint({"weights": torch.ones(3)}, path)
    before = path.read_bytes()
    with pytest.raises(type(error)):
        checkpoint.save_checkpoint({"weights": torch.zeros(3), "bad": Failing(error)}, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_first_save_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        checkpoint.save_checkpoint({"bad": Failing(RuntimeError("no space left"))}, tmp_path / "checkpoint.pt")
    assert list(tmp_path.iterdir()) == []


def test_loading_does_not_execute_anything(tmp_path: Path) -> None:
    path, touched = tmp_path / "checkpoint.pt", tmp_path / "touched"
    checkpoint.save_checkpoint({"reports": [], "model": Touch(touched)}, path)
    with pytest.raises(CheckpointError, match="Weights only load failed"):
        checkpoint.load_checkpoint(path)
    assert not touched.exists()


def test_a_checkpoint_has_the_reports_before_it(tmp_path: Path, data: TrainingData) -> None:
    path = tmp_path / "checkpoint.pt"
    for report in train(tiny_training.config(), data, path):
        assert len(checkpoint.load_checkpoint(path)["reports"]) == report.step


def test_an_added_missing_or_altered_byte_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save_checkpoint({"weights": torch.arange(300.0), "reports": []}, path)
    whole = path.read_bytes()
    altered = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in range(0, len(whole), 7)]
    cut = [whole[:size] for size in range(0, len(whole), 50)]
    for content in (*altered, *cut, whole + b"x"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="its checksum is wrong"):
            checkpoint.load_checkpoint(path)
    path.write_bytes(whole)
    assert torch.equal(checkpoint.load_checkpoint(path)["weights"], torch.arange(300.0))
