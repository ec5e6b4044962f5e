"""In a browser no two plots of a report meet, none leaves its panel, and names are shown as they are."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html.html_elements import ReportSection
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

pytestmark = pytest.mark.browser

LABELS = ("<b>a</b>&amp;$5_$6 %{x}", "خوب", "很好" * 40, "\x1b[31mred\u202e")
SYSTEMS = ("<i>ce</i> &lt;", "lcl " + "w" * 90)
WIDTHS = (390, 800, 1400, 2000)

_BOXES = """[...document.querySelectorAll('.plot')].map(plot => {
  const edges = box => [box.left, box.top, box.right, box.bottom];
  const drawing = plot.querySelector('.main-svg');
  return [plot.id, edges(plot.getBoundingClientRect()), edges(drawing.getBoundingClientRect())];
})"""
_IS_DRAWN = "[...document.querySelectorAll('.plot')].every(plot => plot.querySelector('.main-svg'))"
_FITS = f"""{_BOXES}.every(([, place, drawing]) => Math.abs(place[2] - drawing[2]) < 1)"""
_TEXTS = "[...document.querySelectorAll('.plot text')].map(text => text.textContent)"
_LABELS = """[...document.querySelectorAll('.plot')].map(plot => {
  const names = '.xtick text, .ytick text, .g-xtitle text, .g-ytitle text, .g-gtitle text, .legendtext, '
    + '.annotation-text, .cbaxis text, .cbtitle text, .modebar';
  const boxes = [...plot.querySelectorAll(names)].map(text => {
    const box = text.getBoundingClientRect();
    const angle = (text.getAttribute('transform') || '').match(/rotate\\((-?\\d+)/);
    const isTilted = angle !== null && Number(angle[1]) % 90 !== 0;
    return [text.textContent, [box.left, box.top, box.right, box.bottom], isTilted];
  });
  return [plot.id, plot.querySelector('.main-svg').getBoundingClientRect().toJSON(), boxes];
})"""
_OVERFLOWING = """[...document.querySelectorAll('body *:not(svg *):not(.plot *)')].filter(element =>
  element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline'
).map(element => `${element.tagName} ${element.className}`)"""
_RECORD_PRINT = f"addEventListener('beforeprint', () => {{ window.printed = {_BOXES}; }})"

Box = Sequence[float]  # left, top, right, bottom


@pytest.fixture(scope="module")
def report() -> ReportData:
    sweep = FakeSweep(confirmed_spec(), labels=LABELS).search().confirm()
    data = report_data(sweep)
    weights = {trial: np.full((len(LABELS), len(LABELS)), 0.5) for trial in sweep.predictions}
    return replace(data, systems=SYSTEMS, predictions=replace(data.predictions, class_weights=weights))


@pytest.fixture(scope="module")
def page(report: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    importances = {system: [Importance("tau", 0.6, 0.2)] for system in range(2)}
    sections = build_sections(report, Html("<p>table</p>"), importances, {}, "")
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(build_page("title", "summary", sections, page_scripts(), figure_html), encoding="utf-8")
    return path


def meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def check_boxes(boxes: Sequence[Any]) -> None:
    """Assert that each drawing is where its place is, and that no two drawings meet."""
    assert len(boxes) > 10
    for name, place, drawing in boxes:
        assert drawing == pytest.approx(place, abs=1), name
    for k, (name, _, drawing) in enumerate(boxes):
        assert [other for other, _, box in boxes[k + 1 :] if meet(drawing, box)] == [], name


def check_labels(browser: Browser) -> None:
    """Assert that no label of a plot meets another one or is cut off."""
    for plot, edges, labels in browser.run(_LABELS):
        shown = [(text, box, tilted) for text, box, tilted in labels if box[2] > box[0]]
        for k, (text, box, tilted) in enumerate(shown):
            assert box[0] >= edges["left"] - 1, (plot, text)
            assert box[1] >= edges["top"] - 1, (plot, text)
            assert box[2] <= edges["right"] + 1, (plot, text)
            assert box[3] <= edges["bottom"] + 1, (plot, text)
            smaller = [box[0] + 1, box[1] + 3, box[2] - 1, box[3] - 3]  # a line of text has space above and below
            others = [
                other for other, there, leans in shown[k + 1 :] if not (tilted and leans) and meet(smaller, there)
            ]
            assert others == [], (plot, text)


def check_page(browser: Browser) -> None:
    check_labels(browser)
    assert browser.run(_OVERFLOWING) == []
    check_boxes(browser.run(_BOXES))
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")


def show(browser: Browser, page: Path, width: int) -> None:
    browser.resize(width)
    browser.open(page)
    browser.wait_for(_IS_DRAWN)


@pytest.fixture
def shown(browser: Browser, page: Path) -> Browser:
    """Give a browser that shows the page, which it may have opened for an earlier test."""
    if browser.run("location.href") != page.as_uri():
        show(browser, page, WIDTHS[0])
    return browser


@pytest.mark.parametrize("width", [390, 1400])
def test_no_plot_leaves_its_panel_when_a_page_opens(browser: Browser, page: Path, width: int) -> None:
    show(browser, page, width)
    check_page(browser)


def test_no_plot_leaves_its_panel_when_the_window_is_resized_or_printed(shown: Browser) -> None:
    for width in WIDTHS:
        shown.resize(width)
        shown.wait_for(_FITS)
        check_page(shown)
    shown.run(_RECORD_PRINT)
    assert shown.pdf().startswith(b"%PDF")
    check_boxes(shown.run("window.printed"))
    shown.wait_for(_FITS)
    check_page(shown)


@pytest.mark.parametrize("name", ["<b>a</b>&amp;$5_$6 %{x}", "خوب", "\\x1b[31mred\\u202e", "<i>ce</i> &lt;"])
def test_plots_show_names_as_they_are(shown: Browser, name: str) -> None:
    assert any(name in text for text in shown.run(_TEXTS))


@pytest.fixture
def many_classes(tmp_path: Path) -> Path:
    """A report's matrix of 120 classes, which is larger than a printed page."""
    labels = [f"class {k}" for k in range(120)]
    sweep = FakeSweep(confirmed_spec(), labels=labels, texts=240).search().confirm()
    sections = build_sections(report_data(sweep), Html("<p>table</p>"), {}, {}, "")
    path = tmp_path / "report.html"
    page = build_page("title", "", [s for s in sections if s.name == "confusion"], page_scripts(), figure_html)
    path.write_text(page, encoding="utf-8")
    return path


def test_a_matrix_of_many_classes_fits_a_printed_page_with_all_its_names(browser: Browser, many_classes: Path) -> None:
    show(browser, many_classes, 1400)
    edges = "[...document.querySelectorAll('.xtick text')].map(text => text.getBoundingClientRect())"
    record = f"window.printed = [{_BOXES}[0][2], {edges}.map(box => [box.left, box.top, box.right, box.bottom])]"
    browser.run(f"addEventListener('beforeprint', () => {{ {record}; }})")
    browser.pdf()
    (left, top, right, bottom), names = browser.run("window.printed")
    assert right - left <= 901
    assert bottom - top <= 1100
    assert len(names) == 120
    assert [k for k in range(119) if meet(names[k], names[k + 1])] == []
    browser.wait_for(_FITS)


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
    assert browser.run(_OVERFLOWING) == []
