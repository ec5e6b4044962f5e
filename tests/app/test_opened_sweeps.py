"""An opened sweep, and what the Python API says when its folder or the program's place has changed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import sweeper
from tests.support.recorded_sweeps import RecordedSweep


def test_an_opened_sweep_is_found_after_a_change_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search().finish()
    monkeypatch.chdir(tmp_path)
    opened = sweeper.open(Path("sweeps") / sweep.folder.name)
    results = opened.results
    before = results.table().to_markdown()
    monkeypatch.chdir("/")
    assert (opened.path, results.path) == (sweep.folder.path, sweep.folder.path)
    assert results.table().to_markdown() == before
    assert opened.summary.trainings_ended == len(results.trials())


def test_an_opened_sweep_whose_folder_was_deleted_says_so(tmp_path: Path) -> None:
    opened = sweeper.open(RecordedSweep(tmp_path / "sweeps").search().finish().folder.path)
    results = opened.results
    shutil.rmtree(opened.path)
    calls = (results.table, lambda: opened.summary, lambda: opened.reports(1), opened.stop, opened.watch)
    for call in calls:
        with pytest.raises(sweeper.UsageError, match="the folder of this sweep is gone; if it was moved, open it"):
            call()


def test_functions_that_take_a_sweep_by_its_folder_take_an_opened_one(tmp_path: Path) -> None:
    opened = sweeper.open(RecordedSweep(tmp_path / "sweeps").search().folder.path)
    assert sweeper.checklist(opened) == sweeper.checklist(opened.path)
    assert sweeper.diff_sweeps(opened, opened.path) == []
    with pytest.raises(sweeper.UsageError, match=f"^{opened.path}: has no model"):
        sweeper.load_model(opened)
    sweeper.remove_sweep(opened)
    assert not opened.path.exists()
    for call in (sweeper.checklist, sweeper.remove_sweep):
        with pytest.raises(sweeper.UsageError, match=f"^{opened.path}: not a sweep"):
            call(opened)


def test_results_of_an_opened_sweep_are_those_of_its_record_now(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search()
    opened = sweeper.open(sweep.folder.path)
    before = len(opened.results.trials())
    sweep.search()
    assert (before, len(opened.results.trials())) == (2, 4)
    assert opened.summary.trainings_ended == 4


def test_tables_without_rows_have_the_columns_that_every_table_has(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps")
    opened = sweeper.open(sweep.folder.path)
    before = opened.results.trials().sort_values("score")
    assert {"from", "dataset", "mean"} <= set(opened.results.table().to_pandas())
    with sweep.study() as study:
        study.ask(0)
    reports = opened.reports(1)
    assert (len(before), len(reports)) == (0, 0)
    assert list(reports) == ["epoch", "validation/accuracy"]
    sweep.search()
    assert set(before) <= set(opened.results.trials())
    assert set(before) >= {"number", "system", "stage", "outcome", "score", "trained_epochs", "validation/accuracy"}


def test_texts_in_place_of_numbers_are_named_as_such(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps", search={"batch_size": [16, 32], "learning_rate": {"log": [1e-5, 1e-3]}})
    opened = sweeper.open(sweep.search().folder.path)
    with pytest.raises(sweeper.UsageError, match=r"^batch_size: must be the number 16, got the string '16'$"):
        opened.clone(1, batch_size="16")
    with pytest.raises(sweeper.UsageError, match=r"^learning_rate: must be the number 0.0001, got the string '1e-4'$"):
        opened.clone(1, learning_rate="1e-4")
    with pytest.raises(sweeper.UsageError, match="batch_size=17: is outside the space, allowed: 16, 32"):
        opened.clone(1, batch_size="17")
    number: Any = "1"
    with pytest.raises(sweeper.UsageError, match="the number of a trial must be a whole number, got '1'"):
        opened.reports(number)
    assert len(opened.reports(opened.results.trials()["number"].iloc[0])) == 4
