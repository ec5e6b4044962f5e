"""The table in HTML is a complete fragment, and no name is read as markup."""

from html.parser import HTMLParser

from sweeper.reporting.table.formats import html
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable
from tests.reporting.table.formats.awkward import AWKWARD, SHEET


class Fragment(HTMLParser):
    """The elements of a fragment, and its text. An element that is not closed is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_a_closed_fragment_with_a_caption_and_scopes(table: ResultsTable) -> None:
    fragment = Fragment(html.render_sheet(SHEET))
    assert " ".join(AWKWARD.split()) in fragment.text
    assert not [tag for tag, _ in fragment.elements if tag == "i"]
    fragment = Fragment(render(table, "html", detail=True))
    assert [tag for tag, _ in fragment.elements].count("caption") == 1
    scopes = [attributes.get("scope") for tag, attributes in fragment.elements if tag == "th"]
    assert (scopes.count("col"), scopes.count("row"), scopes.count(None)) == (5, 3 * len(table.rows), 0)
    assert "60.5 ± 0.5 (3; 16)" in fragment.text
