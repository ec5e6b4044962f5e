"""MLflow's own pages show what a sweep found: read from the pages of a real server in headless Chromium."""

import json
import re
from collections.abc import Iterator

import pytest
from mlflow import MlflowClient

from sweeper.app import mlflow_sync, sweep_artifacts
from sweeper.app.ui_links import find_links
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.tracking.client import identity_tags
from sweeper.tracking.saved_view import trial_filter
from sweeper.tracking.ui_server import runs_url, serve_ui
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from tests.support.browser import Browser
from tests.support.kept_models import add_random_model
from tests.support.recorded_sweeps import RecordedSweep

pytestmark = [pytest.mark.browser, pytest.mark.mlflow, pytest.mark.slow]

_TEXT = "document.body.innerText"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    """A finished sweep of six trials that keeps a model, in the MLflow store beside it."""
    sweep = RecordedSweep(tmp_path_factory.mktemp("pages") / "sweeps").search([Outcome.COMPLETED] * 3).finish()
    with sweep.study() as study:
        seeds = [record.trial.number for record in study.all_trials() if record.trial.source_trial]
    add_random_model(sweep.folder, seeds[-1])
    (sweep.folder.path / "table.md").write_text("| loss | d |\n| --- | --- |\n| ce | 12.3 |\n")
    tracker = mlflow_sync.make_tracker(sweep.spec, sweep.folder, say=print)
    with sweep.study() as study:
        for record in study.all_trials():
            tracker.update(record)
    sweep_artifacts.attach_artifacts(tracker, sweep.folder, sweep.folder.read_spec())
    tracker.close(RunStatus.FINISHED, 120)
    assert tracker.pending_runs == 0
    return sweep.folder


@pytest.fixture(scope="module")
def pages(folder: SweepFolder) -> Iterator[dict[str, str]]:
    """The addresses of the sweep's pages on a running server."""
    uri = mlflow_sync.tracking_uri(folder.path.parent)
    with serve_ui(uri, folder.path.parent / "artifacts", 0) as (address, _):
        found = find_links(address, uri, folder)
        trials, results, compared = (line.split()[-1] for line in found.lines)
        client, experiment = MlflowClient(tracking_uri=uri), trials.partition("/experiments/")[2].partition("/")[0]
        (model,) = client.search_logged_models([experiment])
        column = "metrics.`best/validation/accuracy`"
        of_search = trial_filter(identity_tags(folder.fingerprint, folder.manifest.id))
        yield {
            "trials": trials,
            "trials without the view": runs_url(address, experiment, of_search, column, ascending=False),
            "results": results,
            "compared": compared,
            "model": f"{address}/#/experiments/{experiment}/models/{model.model_id}?workflowType=machine_learning",
        }


def visit(browser: Browser, url: str, *texts: str) -> str:
    """Open a page, wait until it shows all these texts, and return all its text."""
    browser.resize(1500, 1400)
    browser.call("Page.navigate", url="about:blank")  # what the page before shows does not count
    browser.wait_for("location.href === 'about:blank'")
    browser.call("Page.navigate", url=url)
    browser.wait_for(f"document.body !== null && {json.dumps(texts)}.every(text => {_TEXT}.includes(text))")
    return str(browser.run(_TEXT))


def listed_trials(browser: Browser) -> list[int]:
    """Return the numbers of the trials in a list of runs, from the top. A winner's number is negative."""
    names = browser.run("[...document.querySelectorAll('a')].map(a => a.innerText).filter(t => / gru/.test(t))")
    return [int(name.replace("★ ", "-").split()[0]) for name in names]


@pytest.mark.parametrize("page", ["trials", "trials without the view", "compared"])
def test_the_trials_are_listed_by_score_and_the_winner_has_a_star(
    page: str, pages: dict[str, str], browser: Browser
) -> None:
    texts = ["6 matching runs", "Sort: best/validation/accuracy", "Model training", "★ ", "6 scl gru"]
    visit(browser, pages[page], *texts)
    trials = listed_trials(browser)
    assert sorted(trials[:2]) == [-1, 2]  # later trials are worse
    assert sorted(trials[2:4]) == [3, 4]
    assert sorted(trials[4:]) == [5, 6]


def test_the_list_of_trials_shows_the_score_and_the_searched_hyperparameters(
    pages: dict[str, str], browser: Browser
) -> None:
    visit(browser, pages["trials"], "best/validation/accuracy", "0.45", "learning_rate", "alpha")


def test_the_trials_are_compared_by_the_searched_hyperparameters(pages: dict[str, str], browser: Browser) -> None:
    visit(browser, pages["compared"], "Parallel Coordinates", "learning_rate", "alpha")


def test_the_sweeps_own_run_shows_the_table_and_the_winner(pages: dict[str, str], browser: Browser) -> None:
    text = visit(browser, pages["results"], "12.3")
    assert "winner" in text
    assert browser.run("document.querySelectorAll('table').length") >= 1


def test_the_models_page_shows_its_input_and_output_an_example_and_its_metrics(
    pages: dict[str, str], browser: Browser
) -> None:
    text = visit(browser, pages["model"], "Description", "Metrics (5)", "Parameters (", "Ready")
    assert "Input one text a row" in text
    assert "Output label, and a probability/… of each class: very negative, neutral, positive" in text
    assert 'model.predict(["A film that one remembers.", "Two hours that I will not get back."])' in text
    assert re.search(r"validation/accuracy\s+-\s+10 scl gru, seed 2 of trial 2\s+0\.42", text)
    assert re.search(r"test/accuracy\s+-\s+10 scl gru, seed 2 of trial 2\s+0\.5", text)
