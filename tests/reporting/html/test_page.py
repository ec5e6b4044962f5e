"""The page needs no network, escapes every text, and has unique ids."""

from html.parser import HTMLParser

from sweeper.reporting.html.figure_data import Figure
from sweeper.reporting.html.html_elements import ReportSection, table
from sweeper.reporting.html.page import build_page
from sweeper.reporting.html.report_data import ModelPredictions, ReportData
from sweeper.reporting.html.sections import build_sections
from sweeper.reporting.templates.environment import Html
from tests.reporting.html.helpers import confirmed_spec, page_text, report_data
from tests.support.fake_sweeps import FakeSweep


class PageParser(HTMLParser):
    """Collects what a page would load, and its ids and links."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.ids += [str(attributes["id"])] if "id" in attributes else []
        self.links += [str(attributes["href"])] if tag == "a" else []
        self.loaded += [str(attributes[name]) for name in ("src", "srcset", "data") if name in attributes]
        self.loaded += [str(attributes["href"])] if tag in ("link", "image", "use") else []


def test_the_page_loads_nothing_and_its_links_lead_to_its_sections(finished: ReportData) -> None:
    parser = PageParser()
    html = page_text(finished)
    parser.feed(html)
    assert parser.loaded == []
    assert "url(" not in html
    assert "@import" not in html
    assert [link.removeprefix("#") for link in parser.links] == parser.ids
    assert len(set(parser.ids)) == len(parser.ids)


def test_markup_in_texts_classes_and_reasons_is_escaped() -> None:
    markup = "<script>alert(1)</script>"
    sweep = FakeSweep(confirmed_spec(), labels=(markup, "b", "c")).search().confirm()
    texts = ModelPredictions(sweep.predictions, sweep.predictions, texts=[markup] * sweep.texts)
    html = page_text(report_data(sweep, predictions=texts))
    assert markup not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_table_is_escaped_and_its_columns_have_classes() -> None:
    html = table(["a", "b"], [["<i>", 3]], "wn")
    assert "<i>" not in html
    assert '<th scope="col" class="w">a</th>' in html
    assert '<td class="n" data-head="b"><bdi>3</bdi></td>' in html


def test_figures_have_unique_ids() -> None:
    ids: list[str] = []

    def draw(_: Figure, element_id: str) -> str:
        ids.append(element_id)
        return ""

    sections = build_sections(report_data(FakeSweep(confirmed_spec()).search().confirm()), Html(""), {}, {}, "")
    build_page("", "", sections, "", draw)
    assert len(ids) == len(set(ids)) > 6
    assert all(isinstance(section, ReportSection) for section in sections)
