"""In a browser the tables of a report are sorted and filtered, and menus choose what a table or a plot shows."""

from pathlib import Path

import pytest

from sweeper.reporting.html.html_elements import ReportSection
from sweeper.reporting.html.page import build_page
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.plots.draw import figure_html, page_scripts
from sweeper.reporting.table.results_table import build_table
from sweeper.reporting.table_choice import choose_table
from tests.reporting.report_pages import OVERFLOWING, show, write_report_page
from tests.reporting.table.helpers import CE, LCL
from tests.support.browser import Browser
from tests.support.fake_results import sweep

pytestmark = pytest.mark.browser

SERVER = "http://127.0.0.1:5000/#/experiments/1/runs"
_HEAD = "[...document.querySelectorAll('table.trials th')].find(head => head.textContent === 'score')"
_SCORES = "[...document.querySelector('table.trials').tBodies[0].rows].map(row => row.cells[3].textContent)"
_ROWS = """[...document.querySelector('table.trials').tBodies[0].rows].filter(row => row.offsetParent)
  .map(row => row.textContent)"""
_PAIRS = "[...document.querySelectorAll('.plot')].filter(plot => plot.layout.meta && plot.layout.meta.axes)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report") / "report.html"


@pytest.fixture(scope="module")
def report(page: Path) -> ReportData:
    urls = {number: f"{SERVER}/{number:032x}" for number in range(1, 100)}
    return write_report_page(page, ("bad", "fair", "good"), run_urls=urls)


@pytest.fixture
def shown(browser: Browser, page: Path, report: ReportData) -> Browser:
    """Give a browser that shows the page, which it may have opened for an earlier test."""
    if browser.run("location.href") != page.as_uri():
        show(browser, page, 1400)
    return browser


def test_a_click_on_a_head_sorts_the_trials_by_number_and_a_second_one_turns_them_round(shown: Browser) -> None:
    sort_of = f"{_HEAD}.getAttribute('aria-sort')"
    assert shown.run(sort_of) is None
    for order in ("ascending", "descending"):
        shown.run(f"{_HEAD}.click()")
        assert shown.run(sort_of) == order
        scores = [float(text) for text in shown.run(_SCORES) if text != "–"]
        assert len(scores) > 20
        assert scores == sorted(scores, reverse=order == "descending")
    assert shown.run("document.querySelectorAll('table.trials th[aria-sort]').length") == 1


def test_the_filter_shows_the_trials_that_have_all_its_words(shown: Browser) -> None:
    field = "document.querySelector('.filter')"
    type_text = "{0}.value = '{1}', {0}.dispatchEvent(new Event('input'))".format
    everything = shown.run(_ROWS)
    shown.run(type_text(field, "lcl DIVERGED"))
    rows = shown.run(_ROWS)
    assert 0 < len(rows) < len(everything)
    assert rows == [row for row in everything if "lcl" in row and "diverged" in row]
    shown.run(type_text(field, "no such trial"))
    assert shown.run(_ROWS) == []
    shown.run(type_text(field, ""))
    assert shown.run(_ROWS) == everything


def test_the_number_of_each_trial_links_to_its_run_in_mlflow(shown: Browser, report: ReportData) -> None:
    links = "Object.fromEntries([...document.querySelectorAll('table.trials a')].map(a => [a.textContent, a.href]))"
    numbers = [record.trial.number for record in report.records]
    assert shown.run(links) == {str(number): report.run_urls[number] for number in numbers}


def test_menus_choose_the_axes_of_the_contour_plot_and_of_the_ranks(shown: Browser) -> None:
    axes = f"{_PAIRS}.map(plot => [plot.data[0].x, plot.data[0].y, plot.layout.xaxis.title.text])"
    drawn = f"{_PAIRS}.map(plot => plot.querySelector('.g-xtitle').textContent)"
    names = shown.run(f"{_PAIRS}.map(plot => plot.layout.meta.axes.map(axis => axis.name))")
    before = shown.run(axes)
    assert len(names) == 2
    menu = f"{_PAIRS}.map(plot => plot.previousElementSibling.querySelectorAll('select')[0])"
    shown.run(f"{menu}.forEach(menu => {{ menu.value = 2; menu.dispatchEvent(new Event('change')); }})")
    for (x, y, title), (old_x, old_y, old_title), choices in zip(shown.run(axes), before, names, strict=True):
        assert (old_title, title) == (choices[0], choices[2])
        assert x != old_x
        assert y == old_y
    assert shown.run(drawn) == [choices[2] for choices in names]
    values = shown.run(f"{_PAIRS}.map(plot => [plot.data.map(trace => trace.x), plot.layout.meta.axes[2].values])")
    assert all(x == expected for traces, expected in values for x in traces)


def test_a_menu_chooses_the_metric_of_the_table(browser: Browser, tmp_path: Path) -> None:
    finished = sweep({"ce": CE, "lcl": LCL})
    tables = choose_table(lambda metric: build_table([finished], metric), "mcc")
    path, captions = tmp_path / "report.html", "[...document.querySelectorAll('caption')]"
    section = ReportSection("glance", "At a glance", [tables])
    path.write_text(build_page("title", "", [section], page_scripts(), figure_html), encoding="utf-8")
    browser.resize(390)
    browser.open(path)
    visible = f"{captions}.filter(caption => caption.offsetParent).map(caption => caption.textContent)"
    menu = "document.querySelector('.choice select')"
    choose = f"{menu}.value = 3, {menu}.dispatchEvent(new Event('change'))"
    assert browser.run(visible) == ["Test MCC."]
    browser.run(choose)
    assert browser.run(visible) == ["Test macro-F1 in %."]
    assert browser.run(f"{menu}.selectedOptions[0].textContent") == "Macro-F1"
    assert browser.run(OVERFLOWING) == []
