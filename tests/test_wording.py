"""No control character is left in a shown text, and a cut text keeps both ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.wording import name_untuned_labels, quote_value, shorten_middle, show_controls
from tests.support.nasty_texts import NASTY_TEXTS


@given(NASTY_TEXTS)
def test_a_shown_text_has_no_control_characters_and_can_be_encoded(text: str) -> None:
    shown = show_controls(text)
    shown.encode()
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    assert show_controls(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b[31m", "\\x1b[31m"), ("a\nb", "a\\x0ab"), ("\u202eabc", "\\u202eabc"), ("می\u200cخواهم 很好 é", None)],
)
def test_letters_of_every_script_stay_and_controls_are_escapes(text: str, shown: str | None) -> None:
    assert show_controls(text) == (text if shown is None else shown)


@given(st.text(), st.integers(3, 50))
def test_a_cut_text_has_its_beginning_and_its_end(text: str, length: int) -> None:
    cut = shorten_middle(text, length)
    assert len(cut) == min(len(text), length)
    before, _, after = cut.partition("…") if len(text) > length else (text, "", "")
    assert text.startswith(before)
    assert text.endswith(after)


@pytest.mark.parametrize(
    ("value", "shown"), [("x" * 60, "x" * 60), ("x" * 61, "x" * 59 + "…"), ("1" * 61, "'" + "1" * 58 + "…")]
)
def test_a_quoted_value_has_at_most_60_characters(value: str, shown: str) -> None:
    assert quote_value(value) == shown
    assert len(shown) == 60


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"joy": 2, "fear": 1}, ""),
        ({}, "A label that no validation text has keeps .5."),
        ({"joy": 2, "fear": 0}, "No validation text has fear, so its threshold stays at .5."),
        (
            {"joy": 0, "fear": 0, "a": 1, "b": 0},
            "No validation text has joy, fear or b, so their thresholds stay at .5.",
        ),
        (
            {f"c{k}": 0 for k in range(10)},
            "No validation text has c0, c1, c2, c3, c4, c5, c6, c7 and 2 more, so their thresholds stay at .5.",
        ),
    ],
)
def test_labels_without_validation_texts_are_named(counts: dict[str, int], sentence: str) -> None:
    assert name_untuned_labels(counts) == sentence
