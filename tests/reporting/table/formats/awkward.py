"""A sheet of texts that every format would read as its own markup if they were not escaped."""

from sweeper.reporting.table.content import Sheet, SheetCell

AWKWARD = "\\ {a} [b] *c* _d_ #1 50% $x$ ~ ^ & | <i> \"q\" 'é' `w` -- ---\nß ą Ж نظر – ± … “x”"

SHEET = Sheet(
    AWKWARD,
    ("[head]", AWKWARD, "sst_5"),
    (
        (("[x]", AWKWARD), (SheetCell("55.6", "0.6", "5; 16", is_bold=True, footnotes="ab"),)),
        (("*", ""), (SheetCell("–"),)),
    ),
    (("a", AWKWARD), ("", AWKWARD)),
    ((AWKWARD, ((AWKWARD, AWKWARD),)), ("[y]", (("a", "b"),))),
)
