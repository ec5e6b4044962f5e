"""`check --data` looks at data, encoders, storage and resources, trains nothing and leaves nothing behind."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeper.app.check_data import check_data
from sweeper.app.plan_sweep import plan_sweep
from sweeper.protocol.sweep_plan import SweepPlan
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.new_sweep import create_sweep
from sweeper.terminal.output import PlainOutput
from sweeper.terminal.sweeps_table import format_bytes
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.search_spaces import small_spec


def write_reviews(folder: Path) -> Path:
    path = folder / "reviews.csv"
    rows = "".join(f"{k},film {k} is fine,{'up' if k % 2 else 'down'}\n" for k in range(40))
    path.write_text(f"id,text,label\n{rows}")
    return path


def spec_of(folder: Path, encoders: list[str] | None = None, **changes: Any) -> SweepSpec:
    changes = {"dataset": {"train": str(write_reviews(folder))}, **changes}
    return small_spec(compare={"encoder": encoders or ["gru"], "loss": ["ce"]}, **changes)


def test_a_good_sweep_is_described_and_has_no_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_data(PlainOutput(), spec_of(tmp_path), tmp_path / "new" / "sweeps") == []
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for expected in (
        "columns: text text, label label",
        "36 texts in train, 4 texts in validation, no test split, 2 classes",
        "classes in train: 18 texts in each of 2",
    ):
        assert expected in lines
    assert any(line.startswith("no text in train is longer than") for line in lines)
    assert any(line.startswith("encoder gru: can be loaded") for line in lines)
    assert any(
        line.startswith(f"{tmp_path / 'new' / 'sweeps'}: ") and " free; checkpoints take up to " in line
        for line in lines
    )
    assert any(line.endswith("at a time") for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reviews.csv"]


def test_everything_that_is_wrong_is_a_line(tmp_path: Path) -> None:
    data = {"train": str(write_reviews(tmp_path)), "label": "mood"}
    file = tmp_path / "sweeps"
    file.write_text("")
    problems = check_data(PlainOutput(progress=False), spec_of(tmp_path, dataset=data), file / "x")
    assert ["column mood" in problems[0], "--sweeps" in problems[1]] == [True, True]
    assert len(problems) == 2
    assert not any("\n" in problem for problem in problems)


def test_an_encoder_that_cannot_be_loaded_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "config.json").write_text('{"model_type": "bert", "max_position_embeddings": 512}')
    spec = spec_of(tmp_path, ["gru", str(tmp_path / "hollow")])
    (problem,) = check_data(PlainOutput(progress=False), spec, tmp_path)
    assert problem.startswith(f"encoder {tmp_path / 'hollow'}: ")


def test_resources_that_this_machine_lacks_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_data(PlainOutput(), spec_of(tmp_path, resources={"cpu": 9_999}), tmp_path) == []
    assert "a trial asks for 9999 CPU cores" in capsys.readouterr().out


def test_a_storage_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    storage = write_reviews(tmp_path) / "folder"
    (problem,) = check_data(PlainOutput(progress=False), spec_of(tmp_path, storage=str(storage)), tmp_path)
    assert problem.startswith(f"storage: {storage}: cannot be written from this machine")


def test_the_disk_is_checked_as_run_and_plan_check_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_of(tmp_path, budget={"trials": 1})  # so one slot is used, with Ray and without
    plan = plan_sweep(PlainOutput(progress=False), spec, tmp_path, calibrate=True, inline=True)
    assert plan.use is not None
    capsys.readouterr()
    assert check_data(PlainOutput(), spec, tmp_path) == []
    assert f"B free; checkpoints take up to {format_bytes(plan.use.disk_bytes)}" in capsys.readouterr().out
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    message = f"--sweeps: {tmp_path} has 1.0 kB free, but the checkpoints take at least "
    (problem,) = check_data(PlainOutput(progress=False), spec, tmp_path)
    (exceeded,) = plan_sweep(PlainOutput(progress=False), spec, tmp_path, calibrate=True, inline=True).exceeded
    assert problem.startswith(message)
    assert exceeded == problem

    begun = create_sweep(tmp_path, spec, {"dataset": "d"}, 1)  # whose checkpoint makes room when it is replaced
    (begun.path / "trials" / "1").mkdir(parents=True)
    with (begun.path / "trials" / "1" / "checkpoint-1.pt").open("wb") as checkpoint:
        checkpoint.truncate(plan.use.disk_bytes)
    assert check_data(PlainOutput(progress=False), spec, tmp_path) == []
    assert plan_sweep(PlainOutput(progress=False), spec, tmp_path, calibrate=True, inline=True).exceeded == []


def test_a_finished_sweep_needs_no_disk_for_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes: dict[str, Any] = {
        "dataset": {"train": str(write_reviews(tmp_path))},
        "compare": {"encoder": ["gru"], "loss": ["ce"]},
    }
    sweep = RecordedSweep(tmp_path, **changes, search={}, asha="off", budget={"trials": 1})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))

    def find_problems() -> tuple[list[str], SweepPlan]:
        output = PlainOutput(progress=False)
        plan = plan_sweep(output, sweep.spec, tmp_path, calibrate=True, inline=True)
        return check_data(output, sweep.spec, tmp_path), plan

    problems, plan = find_problems()
    assert problems == plan.exceeded
    assert "but the checkpoints take at least" in problems[0]
    sweep.search().finish()
    problems, plan = find_problems()
    assert (problems, plan.exceeded) == ([], [])
    assert not any("the disk may become full" in note for note in plan.notes)


@pytest.mark.mlflow
def test_mlflow_is_asked_as_before_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sweeper.tracking.client import open_store

    spec, sweeps = spec_of(tmp_path), tmp_path / "sweeps"
    assert check_data(PlainOutput(), spec, sweeps) == []
    assert f"MLflow at sqlite:///{sweeps / 'mlflow.db'}: can take the runs" in capsys.readouterr().out
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert check_data(PlainOutput(), spec, sweeps) == []
    assert "MLflow at http://127.0.0.1:9: Connection refused; a sweep would be synced" in capsys.readouterr().out
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "htpp://host")
    (problem,) = check_data(PlainOutput(), spec, sweeps)
    assert problem.startswith("MLFLOW_TRACKING_URI=htpp://host: htpp is no kind of store")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = open_store(uri)
    client.delete_experiment(client.create_experiment(spec.dataset_spec.name))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    (problem,) = check_data(PlainOutput(), spec, sweeps)
    assert f"the experiment {spec.dataset_spec.name} was deleted there" in problem
