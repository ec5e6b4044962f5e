"""MLflow's own pages show what a sweep found: read from the pages of a real server in headless Chromium."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.app import mlflow_sync, sweep_artifacts
from sweeper.app.ui_links import find_links
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.tracking.ui_server import serve_ui
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from tests.support.browser import Browser
from tests.support.recorded_sweeps import RecordedSweep

pytestmark = [pytest.mark.browser, pytest.mark.mlflow, pytest.mark.slow]

_TEXT = "document.body.innerText"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    """A finished sweep of six trials, in the MLflow store beside it."""
    sweep = RecordedSweep(tmp_path_factory.mktemp("pages") / "sweeps").search([Outcome.COMPLETED] * 3).finish()
    (sweep.folder.path / "table.md").write_text("| loss | d |\n| --- | --- |\n| ce | 12.3 |\n")
    tracker = mlflow_sync.make_tracker(sweep.spec, sweep.folder, say=print)
    with sweep.study() as study:
        for record in study.all_trials():
            tracker.update(record)
    sweep_artifacts.attach_artifacts(tracker, sweep.folder)
    tracker.close(RunStatus.FINISHED, 120)
    assert tracker.pending_runs == 0
    return sweep.folder


@pytest.fixture(scope="module")
def links(folder: SweepFolder) -> Iterator[list[str]]:
    """The addresses of the sweep's pages on a running server: its runs, its results, its trials compared."""
    uri = mlflow_sync.tracking_uri(folder.path.parent)
    with serve_ui(uri, folder.path.parent / "artifacts", 0) as (address, _):
        yield [line.split()[-1] for line in find_links(address, uri, folder).lines]


def visit(browser: Browser, url: str, text: str) -> str:
    """Open a page, wait until it shows a text, and return all its text."""
    browser.resize(1500, 1400)
    browser.call("Page.navigate", url=url)
    browser.wait_for(f"document.body !== null && {_TEXT}.includes({text!r})")
    return str(browser.run(_TEXT))


def test_the_view_has_the_trials_by_score_and_the_searched_hyperparameters(
    links: list[str], browser: Browser, tmp_path: Path
) -> None:
    visit(browser, links[2], "Parallel Coordinates")
    parts = ["6 matching runs", "Sort: best/validation/accuracy", "Model training", "★ ", "learning_rate", "alpha"]
    browser.wait_for(f"{json.dumps(parts)}.every(part => {_TEXT}.includes(part))")  # the page draws one after another
    names = browser.run("[...document.querySelectorAll('a')].map(a => a.innerText).filter(t => / gru/.test(t))")
    numbers = [int(name.removeprefix("★ ").split()[0]) for name in names]
    assert sorted(numbers[:2]) == [1, 2]  # later trials are worse
    assert sorted(numbers[-2:]) == [5, 6]


def test_the_sweeps_own_run_shows_the_table_and_the_winner(links: list[str], browser: Browser) -> None:
    text = visit(browser, links[1], "12.3")
    assert "winner" in text
    assert browser.run("document.querySelectorAll('table').length") >= 1
