"""A format shows the texts that it was given, whatever they would mean in its markup."""

import csv
import html
import io
import json
import re

from hypothesis import example, given
from markdown_it import MarkdownIt

from sweeper.reporting.plots import theme
from sweeper.reporting.table.content import Sheet, SheetCell, TableContent
from sweeper.reporting.table.formats import csv as csv_format
from sweeper.reporting.table.formats import html as html_format
from sweeper.reporting.table.formats import json as json_format
from sweeper.reporting.table.formats import latex, markdown, typst
from sweeper.reporting.table.formats.cell_text import one_line
from sweeper.reporting.templates.environment import escape
from sweeper.wording import show_controls
from tests.support.nasty_texts import NASTY_TEXTS


def sheet(text: str) -> Sheet:
    return Sheet("caption", ("head", "score"), (((text,), (SheetCell("1.0"),)),), (("", text),))


@given(NASTY_TEXTS)
@example("__0__")
@example("a__b")
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    rendered = parser.render(markdown.render_sheet(sheet(text)))
    cell = re.search(r"<td>(.*?)</td>", rendered, re.S)
    assert cell is not None
    shown = one_line(text)
    assert html.unescape(cell[1]) == shown
    paragraphs = re.findall(r"<p>(.*?)</p>", rendered, re.S)
    assert [html.unescape(paragraph) for paragraph in paragraphs] == ([shown] if shown else [])


@given(NASTY_TEXTS)
def test_html_shows_a_text_as_it_is(text: str) -> None:
    (name,) = re.findall(r'<th scope="row">([^<>]*)</th>', html_format.render_sheet(sheet(text)))
    assert html.unescape(name) == one_line(text)
    assert html.unescape(escape(text)) == show_controls(text, keep="\n\t")
    assert not re.search(r"[<>]", escape(text))


@given(NASTY_TEXTS)
def test_plots_show_a_text_as_it_is(text: str) -> None:
    escaped = theme.format_text(text, 1000)
    assert html.unescape(escaped) == show_controls(text)
    assert not re.search(r"[<>]", escaped)


@given(NASTY_TEXTS)
def test_latex_and_typst_have_no_unescaped_markup(text: str) -> None:
    row = latex.render_sheet(sheet(text)).split("\\midrule\n")[1].split(" & 1.0 ")[0]
    for command in (r"\\[&%$#_{}]", r"\\text[a-z]+\{\}", r"\{[\[\]*-]?\}", r"\$\\(pm|times|cdot)\$", r"\\dots\{\}"):
        row = re.sub(command, "", row)
    assert not re.search(r"[\\&%$#_{}~^]", row)
    row = typst.render_sheet(sheet(text)).split("table.hline(),\n")[2]
    assert not re.search(r"[$*_`<>@~\"']", re.sub(r"\\.", "", row))


@given(NASTY_TEXTS)
def test_files_for_programs_have_the_text_and_no_control_characters(text: str) -> None:
    content = TableContent(sheet(text), [{"name": text}], {"name": text})
    document = json_format.render(content)
    document.encode()
    assert json.loads(document) == {"name": text}
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", document)
    (row,) = csv.DictReader(io.StringIO(csv_format.render(content), newline=""))
    assert row["name"] == show_controls(text, keep="\n\t")
