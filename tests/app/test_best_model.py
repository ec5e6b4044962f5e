"""The model that a sweep keeps: an incomplete one counts as missing, and a complete one is not given up for nothing."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeper.app.best_model import save_best_model, saved_model_trial, stored_model_uri
from sweeper.app.checklist_answers import describe_parameters
from sweeper.app.kept_model import find_model
from sweeper.app.model_card import write_kept_card
from sweeper.errors import UsageError
from sweeper.protocol.results import stored_results
from sweeper.storage.sweep_folder import SweepFolder
from tests.support.kept_models import add_random_model
from tests.support.recorded_sweeps import RecordedSweep

DAMAGED = [b"", b'{"trial": 3, "enc', b"[3]", '{"trial": 3}'.encode("utf-16"), b'{"encoder": "gru"}']
LOST = ["config.json", "classifier.safetensors", "encoder/recurrent.safetensors", "labels.json"]


@pytest.fixture
def sweep(tmp_path: Path) -> RecordedSweep:
    sweep = RecordedSweep(tmp_path / "sweeps").search().finish()
    add_random_model(sweep.folder, 3)
    (sweep.folder.path / "mlflow.json").write_text('{"trial": 3, "model": "models:/m-1"}')
    return sweep


@pytest.fixture
def folder(sweep: RecordedSweep) -> SweepFolder:
    return sweep.folder


def save_again(sweep: RecordedSweep) -> list[str]:
    """Let the end of a sweep write its best model, and return the lines that are printed."""
    lines: list[str] = []
    output: Any = SimpleNamespace(line=lines.append)
    prepared: Any = SimpleNamespace(spec=sweep.spec)
    with sweep.study() as study:
        save_best_model(output, prepared, sweep.folder, study.all_trials(), None)
    return lines


def test_a_kept_model_has_its_trial_and_its_address(folder: SweepFolder) -> None:
    assert (saved_model_trial(folder), stored_model_uri(folder)) == (3, "models:/m-1")


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_config_is_a_model_that_is_missing(content: bytes, folder: SweepFolder) -> None:
    (folder.path / "model" / "config.json").write_bytes(content)
    assert (saved_model_trial(folder), stored_model_uri(folder)) == (None, None)
    assert "because the model that the sweep keeps is incomplete" in describe_parameters(folder, folder.read_spec())[0]


@pytest.mark.parametrize("name", LOST)
def test_a_model_that_lost_a_file_counts_as_missing(name: str, folder: SweepFolder) -> None:
    results = stored_results(folder)
    assert results is not None
    (folder.path / "model" / name).unlink()
    assert saved_model_trial(folder) is None
    assert describe_parameters(folder, folder.read_spec())[0].endswith(
        "because the model that the sweep keeps is incomplete."
    )
    write_kept_card(folder, results)
    assert not (folder.path / "model" / "README.md").exists()


def test_weights_that_cannot_be_read_are_named_in_the_checklist(folder: SweepFolder) -> None:
    path = folder.path / "model" / "classifier.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert describe_parameters(folder, folder.read_spec())[0].endswith(
        f"(gru): unknown, because {path} cannot be read."
    )


@pytest.mark.parametrize("name", LOST[:3])
def test_who_uses_an_incomplete_model_reads_what_is_missing_and_what_makes_it(name: str, folder: SweepFolder) -> None:
    best = stored_results(folder).best_model_trial  # type: ignore[union-attr]
    (folder.path / "model" / name).unlink()
    lost = name.replace("recurrent", "*")
    with pytest.raises(UsageError, match=f"the model is incomplete: {lost.replace('*', '[*]')} is missing") as refusal:
        find_model(folder.path, folder.path.parent)
    assert f"; sweeper train {folder.path} {best} makes it again, and prints its folder" in str(refusal.value)


def test_a_model_that_is_gone_is_named_with_what_makes_it(folder: SweepFolder) -> None:
    best = stored_results(folder).best_model_trial  # type: ignore[union-attr]
    shutil.rmtree(folder.path / "model")
    with pytest.raises(UsageError, match=f"the model is gone; sweeper train {folder.path} {best} makes it again"):
        find_model(folder.path, folder.path.parent)


@pytest.mark.parametrize("name", LOST[1:3])
def test_the_folder_of_an_incomplete_model_is_refused(name: str, folder: SweepFolder) -> None:
    (folder.path / "model" / name).unlink()
    with pytest.raises(UsageError, match=r"the model is incomplete: .*safetensors is missing"):
        find_model(folder.path / "model", folder.path.parent)


def test_a_model_is_kept_where_the_better_one_is_lost(sweep: RecordedSweep) -> None:
    results = stored_results(sweep.folder)
    assert results is not None
    best, model = results.best_model_trial, sweep.folder.path / "model"
    assert best not in (None, 3)
    remedy = f"this makes it: sweeper train {sweep.folder.path} {best}"
    gone = "its weights are deleted once the sweep is finished"
    assert save_again(sweep) == [
        f"the best model, of trial {best}, cannot be kept: {gone}; {remedy}; {model} still has the model of trial 3"
    ]
    assert saved_model_trial(sweep.folder) == 3
    write_kept_card(sweep.folder, results)
    assert not (model / "README.md").exists()  # its scores would be those of the other one


def test_a_damaged_checkpoint_is_named_and_the_earlier_model_stays(sweep: RecordedSweep) -> None:
    best = stored_results(sweep.folder).best_model_trial  # type: ignore[union-attr]
    path = sweep.folder.path / "trials" / str(best) / "model-1.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no model")
    assert f"cannot be kept: {path} cannot be read (its checksum is wrong" in save_again(sweep)[0]
    assert saved_model_trial(sweep.folder) == 3


def test_a_sweep_that_lost_its_model_finishes_all_the_same(sweep: RecordedSweep) -> None:
    shutil.rmtree(sweep.folder.path / "model" / "encoder")
    line = save_again(sweep)[0]
    assert "still has" not in line
    assert "sweeper train" in line


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_address_is_none(content: bytes, folder: SweepFolder) -> None:
    (folder.path / "mlflow.json").write_bytes(content)
    assert (saved_model_trial(folder), stored_model_uri(folder)) == (3, None)


def test_a_folder_in_the_place_of_a_file_is_none(folder: SweepFolder) -> None:
    (folder.path / "mlflow.json").unlink()
    (folder.path / "mlflow.json").mkdir()
    assert stored_model_uri(folder) is None
