"""Files of a kept model that were damaged count as missing, so that the model is written again."""

from pathlib import Path

import pytest

from sweeper.app.best_model import saved_model_trial, stored_model_uri
from sweeper.app.checklist_answers import describe_parameters
from sweeper.storage.sweep_folder import SweepFolder
from tests.support.recorded_sweeps import RecordedSweep

DAMAGED = [b"", b'{"trial": 3, "enc', b"[3]", '{"trial": 3}'.encode("utf-16"), b'{"encoder": "gru"}']


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    folder = RecordedSweep(tmp_path / "sweeps").search().finish().folder
    (folder.path / "model").mkdir(exist_ok=True)
    (folder.path / "model" / "config.json").write_text('{"trial": 3, "encoder": "gru"}')
    (folder.path / "mlflow.json").write_text('{"trial": 3, "model": "models:/m-1"}')
    return folder


def test_a_kept_model_has_its_trial_and_its_address(folder: SweepFolder) -> None:
    assert (saved_model_trial(folder), stored_model_uri(folder)) == (3, "models:/m-1")


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_config_is_a_model_that_is_missing(content: bytes, folder: SweepFolder) -> None:
    (folder.path / "model" / "config.json").write_bytes(content)
    assert (saved_model_trial(folder), stored_model_uri(folder)) == (None, None)
    assert "keeps no model" in describe_parameters(folder, folder.read_spec())[0]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_address_is_none(content: bytes, folder: SweepFolder) -> None:
    (folder.path / "mlflow.json").write_bytes(content)
    assert (saved_model_trial(folder), stored_model_uri(folder)) == (3, None)


def test_a_folder_in_the_place_of_a_file_is_none(folder: SweepFolder) -> None:
    (folder.path / "mlflow.json").unlink()
    (folder.path / "mlflow.json").mkdir()
    assert stored_model_uri(folder) is None
