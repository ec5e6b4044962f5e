"""The times of `sweeper plan` are used again for the same search space, data, version, machine and resources alone."""

import platform
from pathlib import Path
from typing import Any

import pytest

from sweeper.app.kept_calibration import foreseen_hours, keep_calibration
from sweeper.app.prepare_data import PreparedSweep
from sweeper.app.time_trainings import Calibration
from sweeper.data.dataset_description import DatasetDescription
from sweeper.data.preprocessing import PreparedDataset
from sweeper.errors import UsageError
from sweeper.protocol.simulated_sweep import Overhead
from sweeper.storage.new_sweep import create_sweep
from sweeper.training.training_cost import TrainingCost
from sweeper.trials.resources import TrialResources
from tests.support.search_spaces import small_spec

PINS = {"dataset": "d", "rows": "r"}


def prepared(pins: dict[str, str] = PINS, **changes: Any) -> PreparedSweep:
    spec = small_spec(asha="off", **changes)
    description = DatasetDescription((), (), (), {})
    return PreparedSweep(spec, None, PreparedDataset({}, ()), description, {}, pins)


@pytest.fixture
def sweeps(tmp_path: Path) -> Path:
    """Return a folder with the calibration of `prepared()`: its six trials take three hours on two slots."""
    spec = prepared().spec
    timed = [(spec.train_config({"encoder": "m", "loss": "ce"}, seed=0, threads=1), TrainingCost(epoch=900, memory=7))]
    calibration = Calibration(TrialResources(1, 0.0, 2), {}, timed, Overhead(), [])
    keep_calibration(tmp_path, prepared(), calibration, inline=True)
    return tmp_path


def test_the_wall_time_follows_from_the_kept_times(sweeps: Path) -> None:
    hours = foreseen_hours(sweeps, prepared(), inline=True)
    assert hours is not None
    assert hours.expected == pytest.approx(3)
    fewer = foreseen_hours(sweeps, prepared(budget={"trials": 2}), inline=True)
    assert fewer is not None
    assert fewer.expected == pytest.approx(1)


def test_what_exceeds_the_hours_is_refused_unless_it_has_begun(sweeps: Path) -> None:
    short = prepared(budget={"trials": 6, "hours": 1})
    with pytest.raises(UsageError, match=r"budget.hours: the search takes about 3 hours .*; allow more, or ask for"):
        foreseen_hours(sweeps, short, inline=True)
    folder = create_sweep(sweeps, short.spec, PINS, 1)
    assert foreseen_hours(sweeps, PreparedSweep(**{**vars(short), "folder": folder}), inline=True) is None


def test_other_data_spaces_resources_and_ways_to_run_have_no_times(sweeps: Path) -> None:
    others = [prepared({**PINS, "rows": "s"}), prepared(training={"epochs": 5}), prepared(resources={"cpu": 2})]
    assert [foreseen_hours(sweeps, other, inline=True) for other in others] == [None] * 3
    assert foreseen_hours(sweeps, prepared(), inline=False) is None


def test_another_machine_or_version_has_no_times(sweeps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(platform, "node", lambda: "another")
        assert foreseen_hours(sweeps, prepared(), inline=True) is None
    monkeypatch.setattr("sweeper.app.kept_calibration.version", lambda _: "0.0.1")
    assert foreseen_hours(sweeps, prepared(), inline=True) is None


@pytest.mark.parametrize("content", ["", "{}", "[" * 10_000, "\0", '{"measured_on": {}, "timed": []}'])
def test_a_damaged_file_is_as_none(sweeps: Path, content: str) -> None:
    (path,) = (sweeps / ".plans").iterdir()
    path.write_text(content)
    assert foreseen_hours(sweeps, prepared(), inline=True) is None


def test_a_calibration_that_cannot_be_written_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / ".plans").write_text("")
    keep_calibration(tmp_path, prepared(), Calibration(TrialResources(1, 0.0, 2), {}, [], Overhead(), []), inline=True)
    assert foreseen_hours(tmp_path, prepared(), inline=True) is None
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(".plans", "")]
