"""Finished sweeps load from a store into the same table, or are refused. Remarks say what was left out."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import RecordError, SweeperError, UsageError
from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.formats import FORMATS
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import build_table
from sweeper.training.types import ModelScores
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial
from tests.support.fake_mlflow_stores import PARENT, FilledStore, create_empty_store
from tests.support.fake_results import Scores, sweep
from tests.support.fake_sweeps import FakeSweep
from tests.support.search_spaces import small_spec
from tests.support.tracked_sweeps import start_tracker

pytestmark = pytest.mark.mlflow

CE: Scores = [0.50, 0.51, 0.505]
LCL: Scores = [0.6, 0.61, "diverged", 0.605]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_empty_store(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def store(empty: Path, tmp_path: Path) -> FilledStore:
    return FilledStore.copy_of(empty, tmp_path / "store")


@pytest.fixture
def finished() -> FinishedSweep:
    return sweep({"ce": CE, "lcl": LCL})


def load(store: FilledStore, *wanted: str, experiments: tuple[str, ...] = ()) -> Any:
    from sweeper.storage.predictions import read_predictions
    from sweeper.tracking.finished_sweeps import load_finished_sweeps

    return load_finished_sweeps(store.uri, read_predictions, experiments, wanted or None)


def table_text(loaded: Any) -> str:
    table = build_table(loaded.sweeps, elsewhere=loaded.test_accesses, remarks=loaded.remarks)
    return render(table, "md")


def sweep_names(loaded: Any) -> list[str]:
    return [finished.results.sweep for finished in loaded.sweeps]


def test_the_table_of_a_store_equals_the_table_of_its_sweeps(store: FilledStore, finished: FinishedSweep) -> None:
    other = sweep({"ce": [0.8, 0.81, 0.82], "scl": None}, "sst2-0000000b", dataset="sst2")
    runs = store.add_sweep(finished)
    store.add_sweep(other)
    loaded = load(store)
    for format in FORMATS.keys() - {"json"}:
        assert render(build_table(loaded.sweeps), format) == render(build_table([finished, other]), format)
    found = json.loads(render(build_table(loaded.sweeps), "json"))
    expected = json.loads(render(build_table([replace(finished, runs=runs), other]), "json"))
    assert found["comparisons"] == expected["comparisons"]
    assert found["cells"][0] == expected["cells"][0]
    assert found["cells"][0]["seeds"][0]["run"] == runs[100]
    assert (loaded.test_accesses, loaded.remarks) == ({}, ())


def test_runs_of_others_and_deleted_runs_are_ignored(store: FilledStore, finished: FinishedSweep) -> None:
    store.add_sweep(finished)
    experiment = store.experiment_id("sst5")
    results = sweep({"ce": CE}, "sst5-0000000f").results
    store.client.create_run(experiment, tags={"mlflow.runName": "theirs"})
    store.client.create_run(experiment, tags={"sweeper.stage": "sweep"})
    store.add_run(experiment, results, "sweep", "x", created="yesterday")
    store.add_run(experiment, results, "confirm", "x", trial="first")
    store.client.delete_run(store.add_sweep(sweep({"ce": CE}, "sst5-0000000d"))[PARENT])
    store.client.delete_experiment(store.experiment_id("gone"))
    assert sweep_names(load(store)) == ["sst5-0000000a"]


def test_unfinished_sweeps_are_left_out_but_their_test_accesses_count(
    store: FilledStore, finished: FinishedSweep
) -> None:
    store.add_sweep(finished)
    store.add_sweep(sweep({"ce": CE}, "sst5-0000000b"), results=False, status=RunStatus.RUNNING)
    store.add_sweep(sweep({"ce": CE}, "sst2-0000000c", dataset="sst2"), results=False, status=RunStatus.KILLED)
    loaded = load(store)
    assert sweep_names(loaded) == ["sst5-0000000a"]
    left = "Left out, because not finished or not completely in MLflow: "
    assert loaded.remarks == (f"{left}sst2-0000000c (KILLED), sst5-0000000b (RUNNING).",)
    assert loaded.test_accesses == {"digest-of-sst5": 3, "digest-of-sst2": 3}
    assert "accessed 6 times by 1 sweep, and 3 times by sweeps that are not in this table" in table_text(loaded)


def test_a_sweep_with_outdated_results_is_not_finished(store: FilledStore, finished: FinishedSweep) -> None:
    store.add_sweep(finished)
    again = store.add_sweep(sweep({"ce": CE}, "sst5-0000000b"), status=RunStatus.RUNNING)
    store.client.set_tag(again[PARENT], "sweeper.files", "{}")
    assert sweep_names(load(store)) == ["sst5-0000000a"]


def test_the_first_of_two_copies_of_a_sweep_counts(store: FilledStore, finished: FinishedSweep) -> None:
    first = store.add_sweep(finished)
    again = finished.results.to_dict()
    again["systems"][0]["confirmation"]["seeds"][0]["test"]["test/accuracy"] = 0.9
    second = store.add_sweep(replace(finished, results=SweepResults.parse(again)))
    loaded = load(store)
    assert [finished.results for finished in loaded.sweeps] == [finished.results]
    assert loaded.sweeps[0].runs[100] == first[100]
    runs = f"{first[PARENT]}, {second[PARENT]}"
    assert loaded.remarks == (
        f"sst5-0000000a is in MLflow more than once, in the runs {runs}; the first finished one counts.",
    )


def test_a_finished_copy_counts_if_the_first_is_unfinished(store: FilledStore, finished: FinishedSweep) -> None:
    store.add_sweep(finished, results=False, status=RunStatus.KILLED)
    store.add_sweep(finished)
    assert sweep_names(load(store)) == ["sst5-0000000a"]


def test_sweeps_with_one_name_and_two_ids_are_two_sweeps(store: FilledStore) -> None:
    store.add_sweep(sweep({"ce": CE}, at=5), "one")
    store.add_sweep(sweep({"ce": [0.9, 0.91, 0.92]}, at=9), "two")
    loaded = load(store)
    assert sweep_names(loaded) == ["sst5-0000000a"] * 2
    assert "91.0 ± 1.0 (3; 16)" in table_text(loaded)
    assert "not shown: another sst5-0000000a." in table_text(loaded)


def test_only_named_sweeps_are_loaded_but_all_test_accesses_count(store: FilledStore, finished: FinishedSweep) -> None:
    store.add_sweep(finished)
    damaged = store.add_sweep(sweep({"ce": CE}, "sst5-0000000b"))
    store.client.log_metric(damaged[101], "test/accuracy", 0.99, step=5)
    altered = store.add_sweep(sweep({"ce": CE}, "sst2-0000000c", dataset="sst2"))
    store.path_of(altered[PARENT], "results.json").write_bytes(b"{}")
    loaded = load(store, "sst5-0000000a")
    assert sweep_names(loaded) == ["sst5-0000000a"]
    assert loaded.test_accesses == {"digest-of-sst5": 3, "digest-of-sst2": 3}


def test_only_named_experiments_are_read(store: FilledStore, finished: FinishedSweep) -> None:
    store.add_sweep(finished)
    store.add_sweep(sweep({"ce": CE}, "sst2-0000000b", dataset="sst2"))
    store.add_sweep(sweep({"ce": CE}, "sst2-0000000c", dataset="sst2"), experiment="elsewhere")
    assert sweep_names(load(store, experiments=("sst5",))) == ["sst5-0000000a"]
    assert sweep_names(load(store, experiments=("sst5", "elsewhere"))) == ["sst2-0000000c", "sst5-0000000a"]


# ---- refusals


def test_a_test_metric_that_contradicts_the_results_is_refused_with_both_values(
    store: FilledStore, finished: FinishedSweep
) -> None:
    runs = store.add_sweep(finished)
    store.client.log_metric(runs[101], "test/macro_f1", 0.7, step=5)
    with pytest.raises(RecordError) as error:
        load(store)
    assert str(error.value).startswith(
        f"sst5-0000000a: test/macro_f1 of trial 101 is 0.7 in run {runs[101]} and 0.5096550792202966 in results.json"
    )


def test_a_confirmed_run_without_its_test_score_is_refused(store: FilledStore, finished: FinishedSweep) -> None:
    results = finished.results.to_dict()
    results["systems"][0]["confirmation"]["seeds"][0]["test"] = {}
    runs = store.add_sweep(replace(finished, results=SweepResults.parse(results)), results=False)
    store.add_file(runs[PARENT], "results.json", finished.results.to_json().encode())
    with pytest.raises(RecordError, match=f"test/accuracy of trial 100 is None in run {runs[100]}"):
        load(store)


def test_an_infinite_loss_is_as_it_was_sent(store: FilledStore, finished: FinishedSweep) -> None:
    results = finished.results.to_dict()
    results["systems"][0]["confirmation"]["seeds"][0]["test"]["test/loss"] = float("inf")
    store.add_sweep(replace(finished, results=SweepResults.parse(results)))
    assert [sweep.results.sweep for sweep in load(store).sweeps] == [finished.results.sweep]


@pytest.mark.parametrize("name", ["results.json", "predictions/test.parquet"])
def test_an_altered_file_is_refused(store: FilledStore, finished: FinishedSweep, name: str) -> None:
    runs = store.add_sweep(finished)
    run = runs[PARENT if name == "results.json" else 101]
    file = store.path_of(run, name)
    file.write_bytes(file.read_bytes().replace(b"0.505", b"0.605") if name == "results.json" else b"PAR1")
    with pytest.raises(RecordError, match=rf"{name} of run {run} was altered after its upload"):
        table_text(load(store))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "results.json in MLflow at sqlite:.* cannot be read"),
        (b"[]", "its results are damaged"),
        (b'{"sweep": "sst5-0000000a"}', "its results are damaged at dataset"),
        (None, "results.json in MLflow at .* belongs to sst5-0000000b"),
    ],
)
def test_damaged_or_foreign_results_are_refused(
    store: FilledStore, finished: FinishedSweep, content: bytes | None, reason: str
) -> None:
    runs = store.add_sweep(finished, results=False)
    other = sweep({"ce": CE}, "sst5-0000000b").results.to_json().encode()
    store.add_file(runs[PARENT], "results.json", content or other)
    with pytest.raises(RecordError, match=reason):
        load(store)


def test_scores_without_a_run_come_from_the_results_and_are_not_compared(
    store: FilledStore, finished: FinishedSweep
) -> None:
    runs = store.add_sweep(finished)
    for trial in (100, 112):  # of 112 nothing was scored
        store.client.delete_run(runs[trial])
    loaded = load(store)
    lost = "sst5-0000000a: MLflow has no run of the trials 100; their scores are from results.json."
    assert loaded.remarks == (lost,)
    assert "50.5 ± 0.5 (3; 16)ᶜ" in table_text(loaded)
    assert "ᶜ not compared with other systems" in table_text(loaded)


def test_systems_without_predictions_are_not_compared(store: FilledStore, finished: FinishedSweep) -> None:
    runs = store.add_sweep(finished)
    store.path_of(runs[100], "predictions/test.parquet").unlink()
    assert "not compared with other systems: predictions of its models are missing: mini ce on sst5." in table_text(
        load(store)
    )


def test_a_store_without_its_files_has_no_finished_sweep(
    store: FilledStore, finished: FinishedSweep, tmp_path: Path
) -> None:
    store.add_sweep(finished)
    shutil.rmtree(tmp_path / "store" / "artifacts")
    with pytest.raises(
        UsageError, match=r"no finished sweep for this table; not finished, or .*: sst5-0000000a \(FINI"
    ):
        load(store)


def test_runs_that_lost_the_place_of_their_files_are_no_finished_sweep(
    store: FilledStore, finished: FinishedSweep
) -> None:
    store.add_sweep(finished)
    with closing(sqlite3.connect(store.uri.removeprefix("sqlite:///"))) as database, database:
        database.execute("UPDATE runs SET artifact_uri = NULL")
    with pytest.raises(UsageError, match="has no finished sweep for this table; sweeper sync SWEEP sends one"):
        load(store)


def test_missing_things_are_errors_of_one_line(store: FilledStore, finished: FinishedSweep, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"mlflow\.db has no finished sweep for this table; sweeper sync SWEEP sends one$"
    ):
        load(store)
    store.add_sweep(finished, results=False)
    with pytest.raises(
        UsageError, match=r"sst5-0000000b: MLflow at .* does not have this sweep; send it: sweeper sync SWEEP"
    ):
        load(store, "sst5-0000000b")
    with pytest.raises(
        UsageError, match=r"--experiment sst9: .* has no such experiment, allowed: Default, sst5; did you mean sst5"
    ):
        load(store, experiments=("sst9",))
    store.uri = f"sqlite:///{tmp_path / 'nowhere' / 'mlflow.db'}"
    with pytest.raises(UsageError, match=r"nowhere/mlflow\.db: there is no MLflow store; name another with --sweeps"):
        load(store)
    assert not (tmp_path / "nowhere").exists()


def test_a_store_that_does_not_answer_is_an_error_of_one_line(store: FilledStore, tmp_path: Path) -> None:
    store.uri = "http://someone:secret@127.0.0.1:9"
    with pytest.raises(SweeperError, match=r"^MLflow at http://127\.0\.0\.1:9: Connection refused; nothing was read$"):
        load(store)
    (tmp_path / "other.db").write_text("no database")
    store.uri = f"sqlite:///{tmp_path / 'other.db'}"
    with pytest.raises(SweeperError, match=r"other\.db: .*file is not a database"):
        load(store)


def test_the_table_of_what_the_tracker_sent_equals_the_table_of_the_record(empty: Path, tmp_path: Path) -> None:
    from sweeper.storage import predictions

    store, story = FilledStore.copy_of(empty, tmp_path), FakeSweep(small_spec(confirm={"seeds": 3})).search().confirm()
    results = story.results(Path("sweeps/sst5-3f9a1c2e"))
    files = tmp_path / "artifacts"
    tracker = start_tracker(store.uri, "sst5-3f9a1c2e", artifacts=files.as_uri())
    for one in story.records:
        tracker.update(one)
    for trial, answers in story.predictions.items():
        predictions.save_predictions(
            tmp_path, Trial(trial, 0, {}, one.trial.config), story.labels, ModelScores({"test": answers})
        )
        tracker.attach(trial, {"predictions/test.parquet": predictions.predictions_path(tmp_path, trial, "test")})
    tracker.attach(PARENT, {"results.json": results.to_json().encode()})
    tracker.close(RunStatus.FINISHED, 120)
    assert tracker.pending_runs == 0
    record = FinishedSweep(
        results,
        {
            trial: TestPredictions(one.labels, one.probabilities.argmax(axis=1))
            for trial, one in story.predictions.items()
        },
    )
    made = build_table([record])
    assert len(made.comparisons) == 1
    assert made.comparisons[0].lead is not None
    for metric in ("accuracy", "macro_f1"):
        assert render(build_table(load(store).sweeps, metric), "md") == render(build_table([record], metric), "md")


def test_a_server_gives_the_same_table_and_refusals_as_a_file(
    backend: int, store: FilledStore, finished: FinishedSweep, tmp_path: Path
) -> None:
    server = FilledStore(f"http://127.0.0.1:{backend}", tmp_path)
    own = "finished sweeps"  # other tests have sweeps there too
    store.add_sweep(finished)
    runs = server.add_sweep(finished, experiment=own)
    server.add_sweep(sweep({"ce": CE}, "sst5-0000000b"), experiment=own, results=False, status=RunStatus.KILLED)
    loaded = load(server, experiments=(own,))
    assert loaded.remarks[0].endswith("sst5-0000000b (KILLED).")
    assert render(build_table(loaded.sweeps), "md") == render(build_table(load(store).sweeps), "md")
    server.client.set_tag(runs[100], "sweeper.files", json.dumps({"predictions/test.parquet": "0" * 16}))
    with pytest.raises(RecordError, match="altered"):
        table_text(load(server, experiments=(own,)))
    gone = server.add_sweep(sweep({"scl": CE}, "sst5-0000000c"), experiment=own, results=False)
    server.client.set_tag(gone[PARENT], "sweeper.files", json.dumps({"results.json": "0" * 16}))
    assert "sst5-0000000c (FINISHED)" in load(server, experiments=(own,)).remarks[0]
