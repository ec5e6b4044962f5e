"""The description of a sweep and the files of its runs are sent once, and its results last."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialEnd
from tests.support.tracked_sweeps import downloaded_files, make_record, runs_by_number, start_tracker, wait_until

pytestmark = pytest.mark.mlflow

DONE = TrialEnd(Outcome.COMPLETED)
Begin = Callable[..., Any]


@pytest.fixture(scope="module")
def store(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///")).parent


@pytest.fixture
def begin(store: Path, uri: str, sweep: str) -> Begin:
    """Return a function that starts a tracker for the test's own sweep, with files below `store`."""
    from sweeper.tracking.sweep_description import SplitInput, SweepDescription

    source = {"path": "SetFit/sst5", "config_name": None, "revision": "c0ffee", "split": "train"}
    splits = {
        "train": SplitInput(8544, "d1" * 32, "hugging_face", source),
        "test": SplitInput(2210, "d2" * 32, "local", {}),
    }

    def begun(
        status: RunStatus = RunStatus.RUNNING, budget: str = "2 trials", dataset: str = "sst5", files: Path = store
    ) -> Any:
        description = SweepDescription({"sampler": "tpe"}, {"sweeper.budget": budget}, "sst5", splits)
        artifacts = (files / "artifacts").as_uri()
        return start_tracker(uri, sweep, dataset=dataset, description=description, artifacts=artifacts, status=status)

    return begun


def listed(run: Any) -> list[str]:
    return sorted(json.loads(run.data.tags.get("sweeper.files", "{}")))


def test_the_sweeps_own_run_describes_the_sweep(begin: Begin, uri: str, sweep: str) -> None:
    for budget, hours in (("2 trials", 0.5), ("4 trials", 0.25)):  # the same command again with a larger budget
        tracker = begin(budget=budget)
        tracker.update(make_record(1, [0.3], DONE))
        tracker.add_usage({"search/trials": 1.0, "search/hours": hours})
        tracker.close(RunStatus.FINISHED, 60)
        assert tracker.pending_runs == 0
    own = runs_by_number(uri, sweep)[0]
    assert own.data.params == {"sampler": "tpe"}
    assert own.data.tags["sweeper.budget"] == "4 trials"
    assert own.data.tags["mlflow.source.name"] == "sweeper"
    assert own.data.metrics == {"search/trials": 1.0, "search/hours": 0.25}
    inputs = {entry.dataset.name: entry for entry in own.inputs.dataset_inputs}
    assert sorted(inputs) == ["sst5 test", "sst5 train"]
    train = inputs["sst5 train"]
    assert train.dataset.digest == "d1" * 18
    assert json.loads(train.dataset.profile) == {"num_rows": 8544}
    assert [(tag.key, tag.value) for tag in train.tags] == [("mlflow.data.context", "train")]


def test_mlflow_knows_the_source_of_the_data(begin: Begin, uri: str, sweep: str) -> None:
    import mlflow.data

    tracker = begin()
    tracker.close(RunStatus.FINISHED, 60)
    dataset = next(
        e.dataset for e in runs_by_number(uri, sweep)[0].inputs.dataset_inputs if e.dataset.name == "sst5 train"
    )
    source = mlflow.data.get_source(dataset)
    assert (source.path, source.revision, source.split) == ("SetFit/sst5", "c0ffee", "train")


def test_files_are_uploaded_once(begin: Begin, uri: str, sweep: str, store: Path, tmp_path: Path) -> None:
    from sweeper.tracking.client import PARENT

    answers = tmp_path / "1-test.parquet"
    answers.write_bytes(b"PAR1 answers")
    (tmp_path / "results.json").write_text("{}")
    files = {"predictions/test.parquet": answers, "confusion.png": lambda: b"\x89PNG", "note.txt": "söß"}
    for again in (False, True):
        tracker = begin()
        tracker.attach(1, files)
        tracker.update(make_record(1, [0.3], DONE))
        tracker.attach(PARENT, {"results.json": tmp_path / "results.json", "sweep.yaml": "dataset: sst5\n"})
        tracker.close(RunStatus.FINISHED, 60)
        assert tracker.pending_runs == 0
        own, trial = (runs_by_number(uri, sweep)[number] for number in (0, 1))
        expected = {
            "predictions/test.parquet": b"PAR1 answers",
            "confusion.png": b"\x89PNG",
            "note.txt": "söß".encode(),
        }
        assert downloaded_files(uri, trial) == (expected if not again else {**expected, "confusion.png": b"changed"})
        assert downloaded_files(uri, own) == {"results.json": b"{}", "sweep.yaml": b"dataset: sst5\n"}
        assert (listed(trial), listed(own)) == (sorted(files), ["results.json", "sweep.yaml"])
        stored = next((store / "artifacts").rglob("confusion.png"))
        stored.write_bytes(b"changed")  # a file that is not uploaded again stays as it is


def fail_to_draw() -> bytes:
    raise MemoryError("Unable to allocate 1.78 GiB")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("confusion.png", fail_to_draw, "MemoryError: Unable to allocate 1.78 GiB"),
        ("error.txt", Path("/no/such/file"), "FileNotFoundError"),
        ("../outside.txt", "text", "Invalid artifact path"),
    ],
)
def test_a_file_that_fails_is_skipped_and_named_and_the_rest_is_sent(
    begin: Begin, uri: str, sweep: str, name: str, content: Any, reason: str
) -> None:
    from sweeper.tracking.client import PARENT

    tracker = begin()
    tracker.update(make_record(1, [0.3], DONE))
    tracker.attach(1, {"a.txt": "first", name: content, "weights.png": lambda: b"\x89PNG", "z.txt": "last"})
    tracker.attach(PARENT, {"results.json": "{}"})
    tracker.close(RunStatus.FINISHED, 60)
    assert tracker.pending_runs == 0
    ((file, why),) = tracker.skipped_files.items()
    assert file == f"{name} of trial 1"
    assert reason in why
    own, trial = (runs_by_number(uri, sweep)[number] for number in (0, 1))
    assert listed(trial) == ["a.txt", "weights.png", "z.txt"]
    assert listed(own) == ["results.json"]


def test_files_are_sent_before_pictures_are_drawn(begin: Begin, uri: str, sweep: str) -> None:
    listed_then: list[str] = []

    def draw() -> bytes:
        listed_then.extend(listed(runs_by_number(uri, sweep)[1]))
        return b"\x89PNG"

    tracker = begin()
    tracker.attach(1, {"confusion.png": draw, "predictions/test.parquet": b"PAR1"})
    tracker.update(make_record(1, [0.3], DONE))
    tracker.close(RunStatus.FINISHED, 60)
    assert "predictions/test.parquet" in listed_then


def test_a_changed_file_is_uploaded_again(begin: Begin, uri: str, sweep: str) -> None:
    for text in ("first", "second"):
        tracker = begin()
        tracker.update(make_record(1, [0.3], DONE))
        tracker.attach(1, {"note.txt": text})
        tracker.close(RunStatus.FINISHED, 60)
        assert downloaded_files(uri, runs_by_number(uri, sweep)[1]) == {"note.txt": text.encode()}


def test_results_are_unlisted_while_a_larger_budget_is_spent(begin: Begin, uri: str, sweep: str) -> None:
    from sweeper.tracking.client import PARENT

    first = begin()
    first.attach(PARENT, {"results.json": "{}", "table.md": "|"})
    first.close(RunStatus.FINISHED, 60)
    assert listed(runs_by_number(uri, sweep)[0]) == ["results.json", "table.md"]
    second = begin()
    second.close(RunStatus.KILLED, 60)
    assert listed(runs_by_number(uri, sweep)[0]) == ["table.md"]
    third = begin(RunStatus.FINISHED)
    third.attach(PARENT, {"results.json": "{}"})
    third.close(RunStatus.FINISHED, 60)
    assert listed(runs_by_number(uri, sweep)[0]) == ["results.json", "table.md"]


def test_results_are_uploaded_last(begin: Begin, uri: str, sweep: str) -> None:
    from sweeper.tracking.client import PARENT

    tracker = begin()
    good = make_record(1, [0.3], DONE)
    tracker.update(replace(good, report_times=(-1,)))  # MLflow takes no time before 1970
    tracker.update(make_record(2, [0.3], DONE))
    tracker.attach(PARENT, {"results.json": "{}", "sweep.yaml": "dataset: sst5\n"})
    tracker.add_usage({"search/trials": 2.0})
    wait_until(lambda: tracker.pending_runs <= 2)
    tracker.close(RunStatus.FINISHED, 0.5)  # it ends although MLflow answers
    assert tracker.pending_runs
    assert listed(runs_by_number(uri, sweep)[0]) == ["sweep.yaml"]
    later = begin(RunStatus.FINISHED)
    for record in (good, make_record(2, [0.3], DONE)):
        later.update(record)
    later.attach(PARENT, {"results.json": "{}"})
    later.close(RunStatus.FINISHED, 60)
    assert later.pending_runs == 0
    assert listed(runs_by_number(uri, sweep)[0]) == ["results.json", "sweep.yaml"]


def test_a_store_that_accepts_no_files_has_everything_else(begin: Begin, uri: str, sweep: str, tmp_path: Path) -> None:
    from sweeper.tracking.client import PARENT

    (tmp_path / "no folder").write_text("")
    tracker = begin(dataset="another", files=tmp_path / "no folder")
    failed = TrialEnd(Outcome.FAILED, "ValueError: broken", "Traceback: …\n")
    tracker.update(make_record(1, [0.3], failed))
    tracker.update(make_record(2, [0.3], DONE))
    tracker.attach(2, {"note.txt": "text"})
    tracker.attach(PARENT, {"results.json": "{}"})
    tracker.close(RunStatus.FINISHED, 60)
    assert tracker.pending_runs == 0
    found = runs_by_number(uri, sweep, "another")
    assert [run.info.status for _, run in sorted(found.items())] == ["FINISHED", "FAILED", "FINISHED"]
    assert not any(listed(run) for run in found.values())
    assert {"error.txt of trial 1", "note.txt of trial 2", "results.json"} == set(tracker.skipped_files)
