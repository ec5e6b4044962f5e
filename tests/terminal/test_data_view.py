"""The lines of `sweeper new` about data need no knowledge of quantiles, and round nothing up to all."""

from typing import Any

from sweeper.data.data_summary import DataSummary, TextLengths
from sweeper.terminal.data_view import summary_lines

SUMMARY: dict[str, Any] = {
    "text": ("review",), "label": "stars", "rows": {"train": 1200}, "classes": {"train": {"bad": 700, "good": 500}},
    "majority_class": "bad", "majority_share": 7 / 12, "repeated_rows": 0, "conflicting_texts": 0, "bad_rows": 0,
    "bad_row_examples": (), "script": "LATIN", "warnings": (),
}  # fmt: skip


def test_lengths_are_said_in_words_and_only_all_texts_are_100_percent() -> None:
    lengths = TextLengths(
        unit="tokens",
        encoder="my/encoder",
        texts=1200,
        quantiles={"5": 4, "50": 14, "95": 40, "100": 1033},
        fits={16: 0.6, 32: 0.9, 64: 0.997, 128: 1.0, 256: 1.0},
    )
    lines = list(summary_lines(DataSummary(**SUMMARY, lengths=lengths)))
    assert "length: median 14 tokens, 90% of the texts have 4 to 40, the longest 1,033; counted in 1,200 texts" in lines
    assert "fit in max_length: 60% in 16, 90% in 32, over 99% in 64, 100% in 128" in lines
