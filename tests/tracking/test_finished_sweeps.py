"""A store is rebuilt into the same table, or refused with a reason; what is left out or not whole is said."""

import json
import shutil
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
from tests.support.fake_mlflow_stores import PARENT, Shelf, made
from tests.support.fake_results import Scores, sweep
from tests.support.fake_sweeps import Story
from tests.support.search_spaces import small_spec

pytestmark = pytest.mark.mlflow

CE: Scores = [0.50, 0.51, 0.505]
LCL: Scores = [0.6, 0.61, "diverged", 0.605]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def shelf(empty: Path, tmp_path: Path) -> Shelf:
    return Shelf.copied(empty, tmp_path / "store")


@pytest.fixture
def one() -> FinishedSweep:
    return sweep({"ce": CE, "lcl": LCL})


def gather(shelf: Shelf, *wanted: tuple[str, str], experiments: tuple[str, ...] = ()) -> Any:
    from sweeper.storage.predictions import read_predictions
    from sweeper.tracking.finished_sweeps import load_finished_sweeps

    return load_finished_sweeps(shelf.uri, read_predictions, experiments, wanted)


def shown(store: Any) -> str:
    made = build_table(store.sweeps, elsewhere=store.test_accesses, remarks=store.remarks)
    return render(made, "md")


def names(store: Any) -> list[str]:
    return [one.results.sweep for one in store.sweeps]


def test_the_table_of_a_store_is_that_of_what_was_put_there_to_the_last_byte(shelf: Shelf, one: FinishedSweep) -> None:
    other = sweep({"ce": [0.8, 0.81, 0.82], "scl": None}, "sst2-0000000b", dataset="sst2")
    runs = shelf.put(one)
    shelf.put(other)
    store = gather(shelf)
    for format in FORMATS.keys() - {"json"}:
        assert render(build_table(store.sweeps), format) == render(build_table([one, other]), format)
    found = json.loads(render(build_table(store.sweeps), "json"))
    expected = json.loads(render(build_table([replace(one, runs=runs), other]), "json"))
    assert found["comparisons"] == expected["comparisons"]
    assert found["cells"][0] == expected["cells"][0]
    assert found["cells"][0]["seeds"][0]["run"] == runs[100]
    assert (store.test_accesses, store.remarks) == ({}, ())


def test_runs_of_others_and_deleted_ones_are_not_looked_at(shelf: Shelf, one: FinishedSweep) -> None:
    shelf.put(one)
    place = shelf.experiment("sst5")
    results = sweep({"ce": CE}, "sst5-0000000f").results
    shelf.client.create_run(place, tags={"mlflow.runName": "theirs"})
    shelf.client.create_run(place, tags={"sweeper.stage": "sweep"})
    shelf.run(place, results, "sweep", "x", created="yesterday")
    shelf.run(place, results, "confirm", "x", trial="first")
    shelf.client.delete_run(shelf.put(sweep({"ce": CE}, "sst5-0000000d"))[PARENT])
    shelf.client.delete_experiment(shelf.experiment("gone"))
    assert names(gather(shelf)) == ["sst5-0000000a"]


def test_half_finished_sweeps_are_left_out_and_their_test_accesses_counted(shelf: Shelf, one: FinishedSweep) -> None:
    shelf.put(one)
    shelf.put(sweep({"ce": CE}, "sst5-0000000b"), results=False, status=RunStatus.RUNNING)
    shelf.put(sweep({"ce": CE}, "sst2-0000000c", dataset="sst2"), results=False, status=RunStatus.KILLED)
    store = gather(shelf)
    assert names(store) == ["sst5-0000000a"]
    left = "Left out, because not finished or not completely in MLflow: "
    assert store.remarks == (f"{left}sst2-0000000c (KILLED), sst5-0000000b (RUNNING).",)
    assert store.test_accesses == {"sst5": 3, "sst2": 3}
    assert "accessed 6 times by 1 sweep, and 3 times by sweeps that are not in this table" in shown(store)


def test_results_that_a_larger_budget_made_old_are_those_of_no_finished_sweep(shelf: Shelf, one: FinishedSweep) -> None:
    shelf.put(one)
    again = shelf.put(sweep({"ce": CE}, "sst5-0000000b"), status=RunStatus.RUNNING)
    shelf.client.set_tag(again[PARENT], "sweeper.files", "{}")
    assert names(gather(shelf)) == ["sst5-0000000a"]


def test_of_a_sweep_that_is_there_twice_the_one_made_first_stays(shelf: Shelf, one: FinishedSweep) -> None:
    first = shelf.put(one)
    again = one.results.to_dict()
    again["systems"][0]["confirmation"]["seeds"][0]["test"]["test/accuracy"] = 0.9
    second = shelf.put(replace(one, results=SweepResults.parse(again)))
    store = gather(shelf)
    assert [found.results for found in store.sweeps] == [one.results]
    assert store.sweeps[0].runs[100] == first[100]
    runs = f"{first[PARENT]}, {second[PARENT]}"
    assert store.remarks == (
        f"sst5-0000000a is in MLflow more than once, in the runs {runs}; the first finished one counts.",
    )


def test_of_a_sweep_whose_first_run_is_not_finished_the_finished_one_counts(shelf: Shelf, one: FinishedSweep) -> None:
    shelf.put(one, results=False, status=RunStatus.KILLED)
    shelf.put(one)
    assert names(gather(shelf)) == ["sst5-0000000a"]


def test_sweeps_of_one_name_made_on_two_machines_are_two(shelf: Shelf) -> None:
    shelf.put(sweep({"ce": CE}, at=5), "one")
    shelf.put(sweep({"ce": [0.9, 0.91, 0.92]}, at=9), "two")
    store = gather(shelf)
    assert names(store) == ["sst5-0000000a"] * 2
    assert "91.0 ± 1.0 (3; 16)" in shown(store)
    assert "not shown: another sst5-0000000a." in shown(store)
    alone = gather(shelf, ("sst5-0000000a", "one"))
    assert "50.5 ± 0.5 (3; 16)" in shown(alone)
    assert alone.test_accesses == {"sst5": 3}


def test_named_sweeps_alone_are_taken_and_the_test_accesses_of_the_others_counted(
    shelf: Shelf, one: FinishedSweep
) -> None:
    shelf.put(one)
    damaged = shelf.put(sweep({"ce": CE}, "sst5-0000000b"))
    shelf.client.log_metric(damaged[101], "test/accuracy", 0.99, step=5)
    altered = shelf.put(sweep({"ce": CE}, "sst2-0000000c", dataset="sst2"))
    shelf.file(altered[PARENT], "results.json").write_bytes(b"{}")
    store = gather(shelf, ("sst5-0000000a", ""))
    assert names(store) == ["sst5-0000000a"]
    assert store.test_accesses == {"sst5": 3, "sst2": 3}


def test_named_experiments_alone_are_looked_at(shelf: Shelf, one: FinishedSweep) -> None:
    shelf.put(one)
    shelf.put(sweep({"ce": CE}, "sst2-0000000b", dataset="sst2"))
    shelf.put(sweep({"ce": CE}, "sst2-0000000c", dataset="sst2"), experiment="elsewhere")
    assert names(gather(shelf, experiments=("sst5",))) == ["sst5-0000000a"]
    assert names(gather(shelf, experiments=("sst5", "elsewhere"))) == ["sst2-0000000c", "sst5-0000000a"]


# ---- refusals


def test_a_test_metric_that_differs_from_the_results_is_refused_with_run_and_both_values(
    shelf: Shelf, one: FinishedSweep
) -> None:
    runs = shelf.put(one)
    shelf.client.log_metric(runs[101], "test/macro_f1", 0.7, step=5)
    with pytest.raises(RecordError) as error:
        gather(shelf)
    assert str(error.value).startswith(
        f"sst5-0000000a: test/macro_f1 of trial 101 is 0.7 in run {runs[101]} and 0.459 in results.json: one of"
    )


def test_a_confirmed_run_without_its_score_is_refused(shelf: Shelf, one: FinishedSweep) -> None:
    results = one.results.to_dict()
    results["systems"][0]["confirmation"]["seeds"][0]["test"] = {}
    runs = shelf.put(replace(one, results=SweepResults.parse(results)), results=False)
    shelf.keep(runs[PARENT], "results.json", one.results.to_json().encode())
    with pytest.raises(RecordError, match=f"test/accuracy of trial 100 is None in run {runs[100]}"):
        gather(shelf)


@pytest.mark.parametrize("name", ["results.json", "predictions/test.parquet"])
def test_a_file_that_was_altered_is_refused(shelf: Shelf, one: FinishedSweep, name: str) -> None:
    runs = shelf.put(one)
    run = runs[PARENT if name == "results.json" else 101]
    file = shelf.file(run, name)
    file.write_bytes(file.read_bytes().replace(b"0.505", b"0.605") if name == "results.json" else b"PAR1")
    with pytest.raises(RecordError, match=rf"{name} of run {run} was altered after its upload"):
        shown(gather(shelf))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "results.json in MLflow at sqlite:.* cannot be read"),
        (b"[]", "its results are damaged"),
        (b'{"sweep": "sst5-0000000a"}', "its results are damaged at dataset"),
        (None, "results.json in MLflow at .* belongs to sst5-0000000b"),
    ],
)
def test_results_that_are_no_results_of_this_sweep_are_refused(
    shelf: Shelf, one: FinishedSweep, content: bytes | None, reason: str
) -> None:
    runs = shelf.put(one, results=False)
    other = sweep({"ce": CE}, "sst5-0000000b").results.to_json().encode()
    shelf.keep(runs[PARENT], "results.json", content or other)
    with pytest.raises(RecordError, match=reason):
        gather(shelf)


def test_scores_whose_run_is_gone_are_those_of_the_results_and_not_compared(shelf: Shelf, one: FinishedSweep) -> None:
    runs = shelf.put(one)
    for trial in (100, 112):  # of 112 nothing was scored
        shelf.client.delete_run(runs[trial])
    store = gather(shelf)
    lost = "sst5-0000000a: MLflow has no run of the trials 100; their scores are from results.json."
    assert store.remarks == (lost,)
    assert "50.5 ± 0.5 (3; 16)ᶜ" in shown(store)
    assert "ᶜ not compared with other systems" in shown(store)


def test_answers_whose_file_is_gone_are_not_compared(shelf: Shelf, one: FinishedSweep) -> None:
    runs = shelf.put(one)
    shelf.file(runs[100], "predictions/test.parquet").unlink()
    assert "not compared with other systems: predictions of its models are missing: mini ce on sst5." in shown(
        gather(shelf)
    )


def test_a_store_whose_files_are_elsewhere_has_no_finished_sweep(
    shelf: Shelf, one: FinishedSweep, tmp_path: Path
) -> None:
    shelf.put(one)
    shutil.rmtree(tmp_path / "store" / "artifacts")
    with pytest.raises(
        UsageError, match=r"no finished sweep for this table; not finished, or .*: sst5-0000000a \(FINI"
    ):
        gather(shelf)


def test_nothing_there_is_one_line_each(shelf: Shelf, one: FinishedSweep, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mlflow\.db has no finished sweep for this table$"):
        gather(shelf)
    shelf.put(one, results=False)
    with pytest.raises(
        UsageError, match=r"sst5-0000000b: MLflow at .* does not have this sweep; send it: sweeper sync SWEEP"
    ):
        gather(shelf, ("sst5-0000000b", ""))
    with pytest.raises(UsageError, match=r"--experiment sst9: .* has no such experiment; it has Default, sst5"):
        gather(shelf, experiments=("sst9",))
    shelf.uri = f"sqlite:///{tmp_path / 'nowhere' / 'mlflow.db'}"
    with pytest.raises(UsageError, match=r"nowhere/mlflow\.db: there is no MLflow store; name another with --sweeps"):
        gather(shelf)
    assert not (tmp_path / "nowhere").exists()


def test_a_store_that_does_not_answer_is_one_line(shelf: Shelf, tmp_path: Path) -> None:
    shelf.uri = "http://someone:secret@127.0.0.1:9"
    with pytest.raises(SweeperError, match=r"^MLflow at http://127\.0\.0\.1:9: Connection refused; nothing was read$"):
        gather(shelf)
    (tmp_path / "other.db").write_text("no database")
    shelf.uri = f"sqlite:///{tmp_path / 'other.db'}"
    with pytest.raises(SweeperError, match=r"other\.db: .*file is not a database"):
        gather(shelf)


def test_what_the_tracker_sent_of_a_sweep_gives_the_table_of_its_record(empty: Path, tmp_path: Path) -> None:
    from sweeper.storage import predictions
    from sweeper.tracking.sweep_description import SweepDescription
    from sweeper.tracking.tracker import MlflowTracker

    shelf, story = Shelf.copied(empty, tmp_path), Story(small_spec(confirm={"seeds": 3})).search().confirm()
    results = story.results(Path("sweeps/sst5-3f9a1c2e"))
    files = tmp_path / "artifacts"
    tracker = MlflowTracker(
        shelf.uri, sweep="sst5-3f9a1c2e", dataset="sst5", description=SweepDescription(), artifacts=files.as_uri()
    )
    for one in story.recorded:
        tracker.update(one)
    for trial, answers in story.answers.items():
        predictions.save_predictions(
            tmp_path, Trial(trial, 0, {}, one.trial.config), story.labels, ModelScores({"test": answers})
        )
        tracker.attach(trial, {"predictions/test.parquet": predictions.predictions_path(tmp_path, trial, "test")})
    tracker.attach(PARENT, {"results.json": results.to_json().encode()})
    tracker.close(RunStatus.FINISHED, 120)
    assert tracker.pending_runs == 0
    record = FinishedSweep(
        results,
        {trial: TestPredictions(one.labels, one.probabilities.argmax(axis=1)) for trial, one in story.answers.items()},
    )
    made = build_table([record])
    assert len(made.comparisons) == 1
    assert made.comparisons[0].lead is not None
    for metric in ("accuracy", "macro_f1"):
        assert render(build_table(gather(shelf).sweeps, metric), "md") == render(build_table([record], metric), "md")


def test_a_server_gives_the_same_table_as_a_file_and_the_same_refusals(
    backend: int, shelf: Shelf, one: FinishedSweep, tmp_path: Path
) -> None:
    server = Shelf(f"http://127.0.0.1:{backend}", tmp_path)
    shelf.put(one)
    runs = server.put(one)
    server.put(sweep({"ce": CE}, "sst5-0000000b"), results=False, status=RunStatus.KILLED)
    store = gather(server)
    assert store.remarks[0].endswith("sst5-0000000b (KILLED).")
    assert render(build_table(store.sweeps), "md") == render(build_table(gather(shelf).sweeps), "md")
    server.client.set_tag(runs[100], "sweeper.files", json.dumps({"predictions/test.parquet": "0" * 16}))
    with pytest.raises(RecordError, match="altered"):
        shown(gather(server))
    gone = server.put(sweep({"scl": CE}, "sst5-0000000c"), results=False)
    server.client.set_tag(gone[PARENT], "sweeper.files", json.dumps({"results.json": "0" * 16}))
    assert "sst5-0000000c (FINISHED)" in gather(server).remarks[0]
