"""In a browser no two plots of a report meet, nothing leaves its place, and names are shown as they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeper.reporting.html.page import build_page
from sweeper.reporting.html.sections import build_sections
from sweeper.reporting.plots.draw import figure_html, page_scripts
from sweeper.reporting.templates.environment import Html
from tests.reporting.html.helpers import confirmed_spec, report_data
from tests.reporting.report_pages import OVERFLOWING, show, write_comparison_page, write_report_page
from tests.support.browser import Browser
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
_COLOR = "(color => color.match(/[\\d.]+/g).map(Number))"
_CONTRASTS = f"""(() => {{  // WCAG 2: of each text, kind, beginning, and contrast of its color with what is behind it
  const linear = share => share <= .03928 ? share / 12.92 : ((share + .055) / 1.055) ** 2.4;
  const luminance = color => [.2126, .7152, .0722].reduce((sum, weight, k) => sum + weight * linear(color[k] / 255), 0);
  const ground = element => {{
    const color = {_COLOR}(getComputedStyle(element).backgroundColor);
    return color[3] === 0 ? ground(element.parentElement) : color;
  }};
  const contrast = (element, color) => {{
    const [low, high] = [luminance({_COLOR}(color)), luminance(ground(element))].sort((one, other) => one - other);
    return [element.tagName, element.textContent.slice(0, 20), (high + .05) / (low + .05)];
  }};
  const texts = document.querySelectorAll('h1, h2, h3, p, li, a, caption, th, td, dt, dd, summary, figcaption, select');
  const names = document.querySelectorAll('.plot text:not(.heatmap-label text, .hoverlayer text, .bartext)');
  return [...[...texts].map(element => contrast(element, getComputedStyle(element).color)),
          ...[...names].map(element => contrast(element, getComputedStyle(element).fill))];
}})()"""
_RECORD_PRINT = f"addEventListener('beforeprint', () => {{ window.printed = {_BOXES}; }})"

Box = Sequence[float]  # left, top, right, bottom


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report_page(path, LABELS, SYSTEMS)
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
    plots = browser.run(_LABELS)
    assert len(plots) > 10
    for plot, edges, labels in plots:
        shown = [(text, box, tilted) for text, box, tilted in labels if box[2] > box[0]]
        assert shown, plot
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
    check_boxes(browser.run(_BOXES))
    check_width(browser)


def check_width(browser: Browser) -> None:
    """Assert that no element is cut off, and that the page is no wider than the window."""
    assert browser.run(OVERFLOWING) == []
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")


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


def test_hovering_names_each_class_of_a_matrix_also_where_its_axis_has_no_room_for_it(
    browser: Browser, many_classes: Path
) -> None:
    show(browser, many_classes, 390)
    named = browser.run("[...document.querySelectorAll('.xtick text')].map(text => text.textContent)")
    k = next(k for k in range(120) if f"class {k}" not in named)
    browser.run(f"Plotly.Fx.hover(document.querySelector('.plot'), {{xval: {k}, yval: {k}}}, 'xy')")
    browser.wait_for("document.querySelector('.hoverlayer text') !== null")
    assert f"class {k} taken for class {k}: " in browser.run("document.querySelector('.hoverlayer text').textContent")


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


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("comparison") / "comparison.html"
    write_comparison_page(path)
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_that_compares_sweeps_is_no_wider_than_its_window(
    browser: Browser, comparison: Path, width: int
) -> None:
    show(browser, comparison, width)
    assert browser.run("document.querySelectorAll('details[open]').length") > 0
    assert browser.run("document.querySelector('.choice select').options.length") > 5
    check_width(browser)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 27 classes with long names and 60 trials."""
    path = tmp_path_factory.mktemp("large") / "report.html"
    write_report_page(path, [f"class {k} of people who " + "wait " * 8 for k in range(27)], trials=60, texts=270)
    return path


def test_no_plot_of_many_classes_and_trials_leaves_its_panel(browser: Browser, large: Path) -> None:
    show(browser, large, 390)
    check_page(browser)
    browser.resize(1400)
    browser.wait_for(_FITS)
    check_page(browser)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_tables_and_plots_can_be_read_in_light_and_in_dark_mode(shown: Browser, scheme: str) -> None:
    shown.prefer(scheme)
    grounds = {"light": [255, 255, 255], "dark": [21, 25, 29]}
    assert shown.run(f"{_COLOR}(getComputedStyle(document.body).backgroundColor)") == grounds[scheme]
    contrasts = shown.run(_CONTRASTS)
    shown.prefer("")
    assert {kind for kind, _, _ in contrasts} >= {"TH", "TD", "CAPTION", "P", "text"}
    assert [text for text in contrasts if text[2] < 4.5] == []
    opacity = "getComputedStyle(ground).fillOpacity"
    opacities = shown.run(f"[...document.querySelectorAll('.plot rect.bg')].map(ground => {opacity})")
    assert set(opacities) == {"0"}  # so that the page shows through
