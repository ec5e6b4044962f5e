"""`sweeper report` on real folders: finished and interrupted sweeps, with texts, without, and where they are gone."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.app.prepare_data import PreparedSweep, prepare_sweep
from sweeper.app.report import ReportedSweep, write_report
from sweeper.data import preprocessing
from sweeper.data.preprocessing import PreparedDataset
from sweeper.protocol.confirmation import pending, trials_to_score
from sweeper.protocol.results import build_results
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage import predictions
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.sweeps_table import format_bytes
from sweeper.terminal.terminal import Terminal
from sweeper.training.types import ModelScores, Predictions, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.run_here import run_here
from tests.support.search_spaces import small_spec

CHANGES: dict[str, Any] = {
    "dataset": "feelings",
    "compare": {"loss": ["ce", "lcl"]},
    "search": {"alpha": {"uniform": [0.1, 0.9]}, "tau": {"log": [0.05, 1]}},
    "training": {"encoder": "gru", "epochs": 2},
    "asha": "off",
    "budget": {"trials": 4},
    "confirm": {"seeds": 2},
}


@pytest.fixture(scope="module")
def spec() -> SweepSpec:
    return small_spec(**CHANGES)


@pytest.fixture(scope="module")
def prepared(spec: SweepSpec) -> PreparedSweep:
    with closing(Terminal(quiet=True)) as terminal:
        return prepare_sweep(terminal, spec, None)


@pytest.fixture(scope="module")
def dataset(prepared: PreparedSweep) -> PreparedDataset:
    return prepared.dataset


@pytest.fixture
def folder(spec: SweepSpec, prepared: PreparedSweep, tmp_path: Path) -> SweepFolder:
    """A sweep that has begun, on the data set that ships."""
    return begun(spec, prepared, tmp_path)


def begun(spec: SweepSpec, prepared: PreparedSweep, tmp_path: Path) -> SweepFolder:
    return create_sweep(
        tmp_path / "sweeps",
        spec,
        prepared.resolved,
        1,
        prepared.dataset.class_names,
        preprocessing.split_summaries(prepared.dataset),
    )


def study(folder: SweepFolder) -> "closing[OptunaStudy]":
    return closing(OptunaStudy(folder.read_spec(), folder.journal, 1))


def train(record: OptunaStudy, trial: Trial, outcome: Outcome = Outcome.COMPLETED) -> None:
    for step in (1, 2):
        record.report(trial, ValidationReport(step, float(step), {"validation/accuracy": 0.1 * step, "seconds": 60.0}))
    record.end_trial(trial, TrialEnd(outcome, "" if outcome.is_healthy else "why <b>it</b> is so"))


def search(folder: SweepFolder, trials: int = 2) -> None:
    with study(folder) as record:
        for system in (0, 1):
            for k in range(trials):
                train(record, record.ask(system), Outcome.FAILED if k else Outcome.COMPLETED)


def answered(dataset: PreparedDataset, split: str) -> Predictions:
    """Return predictions that are right but for the first text, which is confidently taken for another class."""
    labels = dataset.splits[split].labels
    probabilities = np.full((len(labels), len(dataset.class_names)), 0.01, dtype=np.float32)
    probabilities[np.arange(len(labels)), labels] = 0.8
    probabilities[0, (labels[0] + 1) % len(dataset.class_names)] = 0.95
    return Predictions(labels, probabilities)


def confirm(folder: SweepFolder, dataset: PreparedDataset) -> None:
    found = {split: answered(dataset, split) for split in ("validation", "test")}
    accuracy = float((found["test"].probabilities.argmax(axis=1) == found["test"].labels).mean())
    with study(folder) as record:
        for of, repeat in pending(folder.read_spec(), record.all_trials()):
            train(record, record.confirm(of, repeat))
        for trial in trials_to_score(folder.read_spec(), record.all_trials()):
            record.record_test_access(trial)
            weights = np.eye(len(dataset.class_names), dtype=np.float32) if trial.params["loss"] == "lcl" else None
            predictions.save_predictions(folder.path, trial, dataset.class_names, ModelScores(found, weights))
            metrics = {"test/accuracy": accuracy, "test/macro_f1": accuracy}
            record.record_test_score(trial, ValidationReport(2, 2.0, metrics, ModelScores(found, weights)))


def written(
    folder: SweepFolder, dataset: PreparedDataset | None = None, *, is_finished: bool = True, **named: Any
) -> str:
    with study(folder) as record:
        recorded, test_accesses = record.all_trials(), record.test_accesses()
    spec = folder.read_spec()
    results = build_results(spec, folder, recorded, test_accesses)
    sweep = ReportedSweep(folder, spec, recorded, results, is_finished)
    with closing(Terminal(quiet=True)) as terminal:
        place = write_report(terminal, sweep, dataset, **named)
    return place.read_text(encoding="utf-8")


def test_the_report_of_a_finished_sweep_is_one_page(folder: SweepFolder, dataset: PreparedDataset) -> None:
    search(folder)
    confirm(folder, dataset)
    html = written(folder, dataset)
    body = html.partition("<body>")[2]
    assert "99.6" in body  # percent of the test texts
    assert "not finished" not in body
    assert dataset.splits["validation"].texts[0] in body
    assert "why &lt;b&gt;it&lt;/b&gt; is so" in body
    assert html.count('id="plotly-js"') == 1
    assert len(html) < 1_500_000
    assert 'id="confusion-1-0"' in body  # the weights of LCL
    assert not list(folder.path.glob(".report*"))


def test_test_accesses_of_the_sweeps_beside_it_count(
    folder: SweepFolder, spec: SweepSpec, prepared: PreparedSweep, tmp_path: Path
) -> None:
    search(folder)
    confirm(folder, prepared.dataset)
    assert "by sweeps that are not in this table" not in written(folder)
    second = begun(spec, prepared, tmp_path)
    search(second)
    confirm(second, prepared.dataset)
    html = written(folder)
    assert "accessed 4 times by 1 sweep, and 4 times by sweeps that are not in this table" in html
    assert "Only these models were scored" not in html


def test_the_versions_are_those_with_which_the_sweep_ran(folder: SweepFolder, dataset: PreparedDataset) -> None:
    search(folder)
    confirm(folder, dataset)
    (folder.path / "versions.json").write_text('{"torch": "1.2.3-old"}')
    assert "1.2.3-old" in written(folder)


def test_without_the_data_set_the_page_shows_no_texts(folder: SweepFolder, dataset: PreparedDataset) -> None:
    search(folder)
    confirm(folder, dataset)
    html = written(folder, texts_note="The texts could not be had when this was written: no hub")
    assert dataset.splits["validation"].texts[0] not in html
    assert "no hub" in html
    assert "row 0" in html


def test_unconfirmed_and_interrupted_sweeps_have_a_page(folder: SweepFolder) -> None:
    assert "0 of 4 trials have ended" in written(folder, is_finished=False)
    search(folder, trials=1)
    with study(folder) as record:
        record.ask(0)
    html = written(folder, is_finished=False)
    assert "2 of 4 trials have ended" in html
    assert "not ended" in html
    assert "interrupted or still running" in html


def test_a_sweep_with_results_is_finished_whatever_its_budget_is_now(
    folder: SweepFolder, dataset: PreparedDataset, tmp_path: Path
) -> None:
    search(folder, trials=1)
    confirm(folder, dataset)
    with study(folder) as record:
        found = build_results(folder.read_spec(), folder, record.all_trials(), record.test_accesses())
    command = ("report", str(folder.path), "--no-texts")
    assert run_here(command, tmp_path).returncode == 0
    page = folder.path / "report.html"
    assert "2 of 4 trials have ended" in page.read_text(encoding="utf-8")
    folder.write_results(found.to_json())  # as of a run with a smaller budget
    assert run_here(command, tmp_path).returncode == 0
    assert "not finished" not in page.read_text(encoding="utf-8")


def test_the_command_prints_where_the_page_is(folder: SweepFolder, dataset: PreparedDataset, tmp_path: Path) -> None:
    search(folder)
    confirm(folder, dataset)
    done = run_here(["report", str(folder.path)], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    place = folder.path / "report.html"
    assert done.stdout.splitlines()[-1] == f"report: {place} ({format_bytes(place.stat().st_size)})"
    first = dataset.splits["validation"].texts[0]
    assert first in place.read_text(encoding="utf-8")
    (tmp_path / "shared").mkdir()
    licensed = run_here(["report", str(folder.path), "--no-texts", "--out", "shared/page.html"], tmp_path)
    assert licensed.returncode == 0
    assert first not in (tmp_path / "shared" / "page.html").read_text(encoding="utf-8")


def test_changed_texts_are_not_shown_in_place_of_the_sweeps_own(
    folder: SweepFolder, dataset: PreparedDataset, tmp_path: Path
) -> None:
    search(folder)
    confirm(folder, dataset)
    frozen = json.loads((folder.path / "sweep.json").read_text(encoding="utf-8"))
    frozen["resolved"]["rows"] = "0" * 16
    (folder.path / "sweep.json").write_text(json.dumps(frozen), encoding="utf-8")
    done = run_here(["report", str(folder.path)], tmp_path)
    assert done.returncode == 0
    assert "the texts are not available, so the report has none" in done.stdout
    html = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "the content of its data set has changed since this sweep began" in html
    assert dataset.splits["validation"].texts[0] not in html


def test_a_folder_without_a_sweep_is_one_line(tmp_path: Path) -> None:
    done = run_here(["report", str(tmp_path)], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    hint = "name a folder such as sweeps/sst5-3f9a1c2e, or use --sweeps"
    assert done.stderr == f"{tmp_path}: not a sweep, and sweeps does not exist; {hint}\n"


def test_several_sweeps_are_compared_on_one_page(
    folder: SweepFolder, prepared: PreparedSweep, dataset: PreparedDataset, tmp_path: Path
) -> None:
    data, spec = preprocessing.split_summaries(dataset), small_spec(**CHANGES, seed=1)
    other = create_sweep(tmp_path / "sweeps", spec, prepared.resolved, 1, dataset.class_names, data)
    for place in (folder, other):
        search(place)
        confirm(place, dataset)
        with study(place) as record:
            found = build_results(place.read_spec(), place, record.all_trials(), record.test_accesses())
        place.write_results(found.to_json())
    done = run_here(["report", folder.name, str(other.path)], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "sweeps" / "comparison.html").read_text(encoding="utf-8")
    assert f"<h3>{folder.name}</h3>" in page
    assert f"<h3>{other.name}</h3>" in page
    assert page.count("<dt>winner</dt>") == 2
    assert len(page) < 100_000


def test_a_sweep_to_compare_that_does_not_exist_is_one_line(folder: SweepFolder, tmp_path: Path) -> None:
    done = run_here(["report", folder.name, "no-such-sweep"], tmp_path)
    assert done.returncode == 2
    assert "no-such-sweep" in done.stderr
    assert not (tmp_path / "sweeps" / "comparison.html").exists()
