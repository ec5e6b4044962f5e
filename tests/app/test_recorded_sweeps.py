"""The table comes from the records in a folder, wherever it lies: no MLflow, no data, nothing written."""

import gc
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.app.published_table import table_text
from sweeper.app.recorded_sweeps import load_recorded_sweeps, require_known
from sweeper.app.refresh_results import refresh_results
from sweeper.app.table_of_sweeps import SweepSelection, render_table
from sweeper.errors import RecordError, UsageError
from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol import sweep
from sweeper.protocol.results import build_results, stored_results
from sweeper.record.optuna_study import OptunaStudy
from sweeper.record.test_accesses import read_test_accesses
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import SweepFolder, open_sweep
from sweeper.terminal.output import PlainOutput
from sweeper.tracking.trial_payload import run_tags
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, Predictions, TrainingData, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.resources import TrialResources
from tests.support.fakes import RecordingTracker, data, scripted_jobs
from tests.support.search_spaces import small_spec

SEARCH: dict[str, Any] = {
    "compare": {"encoder": ["m"], "loss": ["lcl"]},
    "search": {"alpha": {"uniform": [0.1, 0.9]}},
    "training": {"epochs": 2, "tau": 1.0},
    "asha": "off",
    "budget": {"trials": 2},
    "confirm": {"seeds": 2},
}


def score_without_test(
    config: TrainConfig, _: TrainingData, __: Path | None
) -> Generator[ValidationReport, None, None]:
    scores = ModelScores({"validation": Predictions.__new__(Predictions)})
    yield ValidationReport(config.epochs, float(config.epochs), {}, scores)


def study(folder: SweepFolder) -> "closing[OptunaStudy]":
    return closing(OptunaStudy(folder.read_spec(), folder.journal, threads=1))


def finish(sweeps: Path, *, test: str = "test-rows", rows: str = "rows", seed: int = 0) -> SweepFolder:
    """Return a finished sweep without real training. Without `test`, its data set has no test split."""
    spec = small_spec(**SEARCH, seed=seed)
    splits = {"test": {"texts": 2, "digest": test}} if test else {}
    folder = create_sweep(sweeps, spec, {"dataset": "d", "rows": rows}, 1, ("a", "b", "c"), splits)
    jobs = scripted_jobs(folder.path)
    if not test:
        jobs = replace(jobs, make_test_job=lambda: TrainingJob(score_without_test, {"m": data()}, folder.path))
    with study(folder) as record:
        runner, resources = InlineRunner(1, 0), TrialResources(1, 0, 1)
        sweep.run_protocol(spec, record, runner, [RecordingTracker()], jobs, resources)
        results = build_results(spec, folder, record.all_trials(), record.test_accesses())
        folder.write_results(results.to_json())
    return folder


def table(sweeps: Path, *named: str, format: str = "md") -> str:
    return render_table(SweepSelection(sweeps, named), "accuracy", format)


def count_in_journal(folder: SweepFolder) -> int:
    """Count the test accesses in the file itself."""
    return folder.journal.read_text().count('{"test_access:')


def access_again(folder: SweepFolder, trial: int) -> None:
    with study(folder) as record:
        record.record_test_access(next(one.trial for one in record.all_trials() if one.trial.number == trial))


@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_table_leaves_the_search_for_cycles_as_it_was(is_enabled: bool, tmp_path: Path) -> None:
    finish(tmp_path)
    try:
        if not is_enabled:
            gc.disable()
        table(tmp_path)
        assert gc.isenabled() == is_enabled
    finally:
        gc.enable()


def test_the_table_counts_the_accesses_of_the_record_and_not_those_of_results_json(tmp_path: Path) -> None:
    folder = finish(tmp_path)
    before = (folder.path / "results.json").read_text()
    assert "accessed 2 times by 1 sweep." in table(tmp_path)
    access_again(folder, 1)
    assert (folder.path / "results.json").read_text() == before
    assert count_in_journal(folder) == len(read_test_accesses(folder.journal)) == 3
    assert "accessed 3 times by 1 sweep." in table(tmp_path)
    assert json.loads(table(tmp_path, format="json"))["datasets"]["sst5"]["test_accesses"] == 3


def test_without_a_metric_the_table_shows_that_of_the_task(tmp_path: Path) -> None:
    finish(tmp_path)
    assert render_table(SweepSelection(tmp_path), None, "md") == table(tmp_path)


def test_refreshing_brings_every_file_up_to_date_with_the_record(tmp_path: Path) -> None:
    folder = finish(tmp_path)
    with study(folder) as record:
        record.record_test_access(record.all_trials()[0].trial)
        results = refresh_results(PlainOutput(progress=False), folder, folder.read_spec(), record)
    assert len(results.test_accesses) == count_in_journal(folder) == 3
    stored = stored_results(folder)
    assert stored is not None
    assert stored.test_accesses == results.test_accesses
    assert (folder.path / "table.md").read_text() == table(tmp_path)
    assert "accessed 3 times" in table(tmp_path)


def test_a_report_that_cannot_be_written_costs_neither_results_nor_access(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finish(tmp_path)
    (folder.path / "report.html").mkdir()
    access_again(folder, 1)
    with study(folder) as record:
        results = refresh_results(PlainOutput(progress=True), folder, folder.read_spec(), record)
    assert "the report could not be written (" in (said := capsys.readouterr().out)
    assert f"sweeper report {folder.path} tries again" in said
    assert stored_results(folder) == results


class Killed(PlainOutput):
    """An output of a command that dies when it writes the report."""

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        raise KeyboardInterrupt
        yield


def test_results_are_replaced_last_so_that_what_is_missing_is_found_again(tmp_path: Path) -> None:
    folder = finish(tmp_path)
    (folder.path / "report.html").write_text("the old page")
    access_again(folder, 1)
    with study(folder) as record:
        with pytest.raises(KeyboardInterrupt):
            refresh_results(Killed(), folder, folder.read_spec(), record)
        refresh_results(PlainOutput(progress=False), folder, folder.read_spec(), record)
    assert "the old page" not in (folder.path / "report.html").read_text()


def test_a_sweep_without_a_test_split_has_no_accesses_anywhere(tmp_path: Path) -> None:
    folder = finish(tmp_path, test="")
    with study(folder) as record:
        assert {run_tags(one).get("sweeper.tested", "") for one in record.all_trials()} == {""}
    assert count_in_journal(folder) == 0
    assert json.loads(table(tmp_path, format="json"))["datasets"]["sst5"]["test_accesses"] == 0
    assert "access" not in table(tmp_path)


def test_accesses_of_the_same_test_rows_count_whatever_the_sweep(tmp_path: Path) -> None:
    shown, other = finish(tmp_path), finish(tmp_path, seed=1, rows="more training rows")
    finish(tmp_path, seed=2, rows="others", test="other test rows")
    running = finish(tmp_path, seed=3)
    (running.path / "results.json").unlink()
    results = stored_results(shown)
    assert results is not None
    for text in (table(tmp_path, shown.name), table_text(shown, results)):
        assert "accessed 2 times by 1 sweep, and 4 times by sweeps that are not in this table." in text
    text = table(tmp_path, shown.name, other.name)
    assert "2 times by 1 sweep, and 2 times by sweeps of other columns, and 2 times by sweeps that are not in" in text
    assert f"Left out, because not finished: {running.name}." in table(tmp_path)


def test_a_folder_that_was_moved_copied_or_linked_keeps_its_table(tmp_path: Path) -> None:
    finish(tmp_path / "sweeps")
    before = table(tmp_path / "sweeps")
    shutil.move(tmp_path / "sweeps", tmp_path / "else" / "where")
    (tmp_path / "link").symlink_to(tmp_path / "else")
    assert table(tmp_path / "else" / "where") == table(tmp_path / "link" / "where") == before


def test_a_table_writes_nothing_and_needs_no_lock(tmp_path: Path) -> None:
    folder = finish(tmp_path)
    with study(folder):
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        assert "accessed 2 times" in table(tmp_path)
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_renamed_sweep_keeps_its_results_and_its_identity_in_mlflow(tmp_path: Path) -> None:
    folder = finish(tmp_path)
    renamed = folder.path.rename(tmp_path / "my-best")
    assert open_sweep(renamed).fingerprint == folder.fingerprint == folder.name.rpartition("-")[2]
    assert "accessed 2 times" in table(tmp_path, "my-best")


def test_copies_of_a_sweep_count_once(tmp_path: Path) -> None:
    folder = finish(tmp_path)
    shutil.copytree(folder.path, tmp_path / "copy")
    text = table(tmp_path)
    assert "accessed 2 times by 1 sweep." in text
    assert "copies of the same sweep are not" in text
    access_again(open_sweep(tmp_path / "copy"), 1)
    assert "accessed 3 times by 1 sweep." in table(tmp_path)
    assert "copy is shown; copies of the same sweep are not: sst5-" in table(tmp_path)


def test_what_is_missing_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no finished sweep for this table; --sweeps names"):
        table(tmp_path)
    folder = finish(tmp_path)
    with pytest.raises(UsageError, match=rf"nosuch: not a sweep; .* has {folder.name}$"):
        require_known(load_recorded_sweeps(tmp_path, ["nosuch"]), tmp_path)
    folder.journal.unlink()
    with pytest.raises(UsageError, match=r"results without their record: record\.journal is missing"):
        table(tmp_path)


def test_a_damaged_record_of_another_sweep_is_named_below_the_table(tmp_path: Path) -> None:
    shown, damaged = finish(tmp_path), finish(tmp_path, seed=1)
    lines = damaged.journal.read_bytes().splitlines(keepends=True)
    damaged.journal.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    assert f"The test accesses of {damaged.name} are not counted: {damaged.journal}:4" in table(tmp_path, shown.name)
    with pytest.raises(RecordError):
        table(tmp_path)


def test_the_table_of_records_imports_no_mlflow(tmp_path: Path) -> None:
    finish(tmp_path)
    program = (
        "import sys; from sweeper.app.table_of_sweeps import SweepSelection, render_table; from pathlib import Path; "
        f"render_table(SweepSelection(Path({str(tmp_path)!r})), 'accuracy', 'md'); "
        "print([name for name in ('mlflow', 'torch', 'ray') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
