"""Long lines break between words on a terminal and nowhere else; what a user copies stays in one piece."""

from io import StringIO

import pytest

from sweeper.terminal.literal_console import LiteralConsole
from sweeper.terminal.word_wrap import wrap_markdown, wrap_words

PATH = "sweeps/a-name-that-is-longer-than-the-terminal-is-wide/report.html"
ADDRESS = "http://127.0.0.1:5000/#/experiments/1/runs/0123456789abcdef0123456789abcdef"
TRAIN = "sweeper train sweeps/sst5-3f9a1c2e 5"
RUN = "sweeper run 'a b.yaml' --set x=1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("this line is short", ["this line is short"]),
        ("  a part of the rows was used, so that is long", ["  a part of the rows was used, so that", "  is long"]),
        (f"the report: {PATH}", ["the report:", PATH]),
        (f"its run: {ADDRESS} of MLflow", ["its run:", ADDRESS, "of MLflow"]),
        (f"{PATH}: cannot be read; move it away", [f"{PATH}:", "cannot be read; move it away"]),
        (f"train it again:  {TRAIN}", ["train it again:", TRAIN]),
        (f"the same command continues: {RUN}; or not", ["the same command continues:", f"{RUN}; or not"]),
        ("openpyxl is missing; run pip install openpyxl", ["openpyxl is missing; run", "pip install openpyxl"]),
        ("no record is there for `sweeper sync a-b` to send", ["no record is there for", "`sweeper sync a-b` to send"]),
        (
            "one\n\nand a second line of which there are many",
            ["one", "", "and a second line of which there are", "many"],
        ),
        (
            "  setting   rate 0.003, batch_size 16, alpha 0.5",
            ["  setting   rate 0.003, batch_size 16,", "            alpha 0.5"],
        ),
        (f"  use it    load({PATH!r})", [f"  use it    load({PATH!r})"]),
        (f"  use it    load('{'a' * 30}')", ["  use it", f"  load('{'a' * 30}')"]),
        ("- an item of a list that is longer than a line", ["- an item of a list that is longer than", "  a line"]),
        ("\u597d" * 15 + " " + "\u597d" * 10, ["\u597d" * 15, "\u597d" * 10]),
    ],
)
def test_lines_break_between_words_and_copied_text_does_not(text: str, expected: list[str]) -> None:
    assert wrap_words(text, 40).split("\n") == expected


def test_markdown_is_broken_between_words_except_in_tables() -> None:
    row, note = f"| {'cell ' * 12}|", "[^1]: a note that has more words than one line of this width"
    assert wrap_markdown(f"{row}\n\n{note}\n", 40).split("\n") == [
        row,
        "",
        "[^1]: a note that has more words than",
        "one line of this width",
        "",
    ]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_only_a_terminal_gets_broken_lines(*, is_terminal: bool) -> None:
    out = StringIO()
    LiteralConsole(file=out, force_terminal=is_terminal, width=20, no_color=True).print_lines("words and more " * 4)
    assert (max(len(line.rstrip()) for line in out.getvalue().splitlines()) <= 20) == is_terminal
    assert out.getvalue().split() == ["words", "and", "more"] * 4
