"""Pages of reports for the tests in a browser: whole ones, with the published table, and those that compare sweeps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html.comparison import build_comparison
from sweeper.reporting.html.page import build_page
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.html.sections import build_sections
from sweeper.reporting.plots.draw import figure_html, page_scripts
from sweeper.reporting.table.results_table import build_table
from sweeper.reporting.table_choice import choose_table
from sweeper.reporting.templates.environment import Html
from tests.reporting.html.helpers import confirmed_spec, report_data
from tests.reporting.table.helpers import CE, LCL
from tests.support.browser import Browser
from tests.support.fake_results import sweep
from tests.support.fake_sweeps import FakeSweep

IS_DRAWN = "[...document.querySelectorAll('.plot')].every(plot => plot.querySelector('.main-svg'))"
OVERFLOWING = """[...document.querySelectorAll('body *:not(svg *):not(.plot *)')].filter(element =>
  element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline'
).map(element => `${element.tagName} ${element.className}`)"""


def write_report_page(
    path: Path,
    labels: Sequence[str],
    systems: Sequence[str] = ("ce", "lcl"),
    *,
    trials: int = 26,
    texts: int = 60,
    run_urls: Mapping[int, str] | None = None,
) -> ReportData:
    """Write the page of a finished sweep with every section, and return its data."""
    fake = FakeSweep(confirmed_spec(trials), labels=labels, texts=texts).search().confirm()
    data = report_data(fake)
    weights = {trial: np.full((len(labels), len(labels)), 0.5) for trial in fake.predictions}
    predictions = replace(data.predictions, class_weights=weights)
    report = replace(data, systems=systems, predictions=predictions, run_urls=run_urls or {})
    importances = {system: [Importance("tau", 0.6, 0.2)] for system in range(2)}
    sections = build_sections(report, published_table(fake), importances, {}, "")
    path.write_text(build_page("title", "summary", sections, page_scripts(), figure_html), encoding="utf-8")
    return report


def published_table(fake: FakeSweep) -> Html:
    """Return the published table of a fake sweep, with its notes, details and menu."""
    finished = FinishedSweep.from_predictions(fake.results(), fake.predictions, fake.predictions)
    return choose_table(lambda metric: build_table([finished], metric), "accuracy", detail=True)


def write_comparison_page(path: Path) -> None:
    """Write the page that compares sweeps of three data sets, one with a long name, of two encoders."""
    systems = {"owner/mini ce": CE, "owner/a-pretrained-encoder-with-a-long-name lcl": LCL}
    names = ("sst5", "sst2", "customer_reviews_of_the_third_quarter_with_a_long_name")
    sweeps = [sweep(systems, f"{name}-0000000{k}", dataset=name) for k, name in enumerate(names)]
    table = choose_table(lambda metric: build_table(sweeps, metric), "accuracy", detail=True)
    facts = {each.results.sweep: [("winner", "lcl " + "w" * 60), ("lead", "+10.1 points")] for each in sweeps}
    path.write_text(build_comparison("3 finished sweeps", table, facts), encoding="utf-8")


def show(browser: Browser, page: Path, width: int) -> None:
    """Open a page in a window of this width, with its details unfolded, and wait until its plots are drawn."""
    browser.resize(width)
    browser.open(page)
    browser.run("document.querySelectorAll('details').forEach(details => details.open = true)")
    browser.wait_for(IS_DRAWN)
