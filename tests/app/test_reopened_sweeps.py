"""Running a finished sweep again brings its files up to date, and says what was dropped of its record."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.app.refresh_results import refresh_results
from sweeper.app.run_sweeps import run_sweeps
from sweeper.errors import UsageError
from sweeper.protocol.results import stored_results
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import open_sweep
from sweeper.terminal.output import PlainOutput
from tests.support.cli_runner import runs_of
from tests.support.recorded_sweeps import SPACE, RecordedSweep
from tests.support.search_spaces import small_spec

CHANGES: dict[str, Any] = {"budget": {"trials": 2}}


@pytest.fixture
def finished(tmp_path: Path) -> RecordedSweep:
    """A finished sweep of two trials and two fresh seeds each, all of whose files are up to date."""
    sweep = RecordedSweep(tmp_path / "sweeps", **CHANGES).search().finish()
    refresh(sweep, sweep.spec)
    sweep.folder.mark_synced()
    return sweep


def refresh(sweep: RecordedSweep, spec: SweepSpec) -> None:
    with sweep.study() as study:
        refresh_results(PlainOutput(progress=False), sweep.folder, spec, study)


def test_fewer_fresh_seeds_reach_every_file_and_mlflow(finished: RecordedSweep, tmp_path: Path) -> None:
    fewer = RecordedSweep(tmp_path / "other", **CHANGES, confirm={"seeds": 1}).spec
    refresh(finished, fewer)
    results = stored_results(finished.folder)
    assert results is not None
    assert [it.planned_seeds for it in results.confirmations] == [1, 1]
    assert open_sweep(finished.folder.path).read_spec() == fewer
    assert finished.folder.needs_sync


def test_nothing_is_written_where_nothing_changed(finished: RecordedSweep) -> None:
    files = [finished.folder.path / name for name in ("sweep.yaml", "results.json")]
    before = [path.stat().st_mtime_ns for path in files]
    refresh(finished, finished.spec)
    assert [path.stat().st_mtime_ns for path in files] == before
    assert not finished.folder.needs_sync


@pytest.mark.parametrize(("damage", "problem"), [("missing", "is missing"), ("cut", "cannot be read")])
def test_a_search_space_that_is_missing_or_damaged_is_written_again(
    damage: str, problem: str, finished: RecordedSweep
) -> None:
    path = finished.folder.path / "sweep.yaml"
    text = path.read_text()
    if damage == "missing":
        path.unlink()
    else:
        path.write_text(text[: len(text) // 2])
    with pytest.raises(UsageError, match=problem):
        _ = finished.folder.read_spec()
    refresh(finished, finished.spec)
    assert path.read_text() == text


@pytest.mark.mlflow
def test_a_data_set_whose_folder_is_renamed_keeps_its_name_in_results_and_mlflow(tmp_path: Path) -> None:
    for folder in (before := tmp_path / "before", now := tmp_path / "now"):
        folder.mkdir()
        (folder / "train.csv").write_text("text,label\na,up\nb,down\n")
    sweeps, data = tmp_path / "sweeps", {"train": str(before / "train.csv")}
    sweep = RecordedSweep(sweeps, **CHANGES, dataset=data).search().finish()
    moved = small_spec(**{**SPACE, **CHANGES}, dataset={"train": str(now / "train.csv")})
    (completed,) = run_sweeps(PlainOutput(progress=False), [moved], sweeps, inline=True)
    assert (completed.folder.path, completed.results.dataset) == (sweep.folder.path, "before")
    assert (open_sweep(sweep.folder.path).read_spec(), sweep.folder.read_spec().dataset_spec.name) == (moved, "before")
    assert runs_of(sweeps, "before").keys() >= set(range(7))


@pytest.mark.parametrize("cut", [20, 0])
def test_a_line_that_is_dropped_from_a_finished_record_is_announced(
    cut: int, finished: RecordedSweep, capsys: pytest.CaptureFixture[str]
) -> None:
    data = finished.folder.journal.read_bytes()
    last = data.splitlines(keepends=True)[-1]
    finished.folder.journal.write_bytes(data[:-cut] if cut else data[:-3] + b"?" + data[-2:])
    run_sweeps(PlainOutput(progress=True), [finished.spec], finished.folder.path.parent, inline=True)
    dropped = f"the record ended in {len(last) - cut} bytes of a half-written or damaged line, which were dropped"
    said = capsys.readouterr().out
    assert said.startswith(f"{finished.folder.name}: {dropped}\n{finished.folder.name} is finished")
