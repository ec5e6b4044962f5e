"""A look at the columns of a table: what kind of values each has, so that text and label can be told apart."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.data.arrow_columns import distinct_values, list_values
from sweeper.data.cell_values import BadValueError, to_text
from sweeper.data.column_checks import are_too_many_classes
from sweeper.data.rows import Column, RawTable
from sweeper.wording import shorten_middle, show_controls

_SAMPLED_ROWS = 2_000
_MIN_TEXT_WORDS = 3.0  # words of an average text
_MIN_TEXT_VARIETY = 0.1  # share of different values in a column of texts
_MIN_NAME_VARIETY = 0.3  # the same of a column of names or other short texts
_MOST_CLASSES = 2_000
_MOST_FRACTIONS = 20  # different numbers with a fraction; more are measurements
_MOST_LABEL_WORDS = 6.0
_ADDRESS = re.compile(r"(https?://|www\.)\S+$|\S+@\S+\.\w+$|[\d\s:/.TZ+-]{8,}$|[0-9a-fA-F-]{16,}$")
_SHOWN_EXAMPLES, _LONGEST_EXAMPLE = 5, 55
_DATES = (datetime.date, datetime.time, datetime.timedelta)
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")  # scripts that write no spaces


@dataclass(frozen=True)
class ColumnProfile:
    """One column of N rows. `codes` number the different values, (N,), and `examples` are some of those as text.

    `words` is the mean length of a value, `filled` the number of rows with one. `is_plain` is False where values are
    lists and the like, `has_dates` is True where some are dates or times, `is_number` where all are numbers.
    """

    name: str
    codes: NDArray[np.int64]
    examples: frozenset[str]
    distinct: int
    filled: int
    words: float
    is_plain: bool
    has_dates: bool
    is_number: bool
    is_address: bool
    fractions: int

    @property
    def is_text(self) -> bool:
        """True if the values look like texts: several words each, and many different ones."""
        is_varied = self.distinct >= max(3, _MIN_TEXT_VARIETY * self.filled)
        is_word = self.is_plain and not self.is_number and not self.is_address
        return is_word and is_varied and self.words >= _MIN_TEXT_WORDS

    @property
    def is_short_text(self) -> bool:
        """True if the values may be texts of a word or two, such as names: most of them are different."""
        is_word = self.is_plain and not self.is_number and not self.is_address
        return is_word and self.distinct >= max(3, _MIN_NAME_VARIETY * self.filled)

    @property
    def can_be_text(self) -> bool:
        """True if the values may be texts, even short ones."""
        return self.is_plain and self.filled > 0 and self.distinct > 1

    @property
    def can_be_label(self) -> bool:
        """True if the values may be classes: few different ones, and short."""
        few = 2 <= self.distinct <= min(_MOST_CLASSES, max(2, self.filled // 2))
        return self.is_plain and few and self.words <= _MOST_LABEL_WORDS and self.fractions <= _MOST_FRACTIONS

    @property
    def can_be_named_label(self) -> bool:
        """True if the values may be classes where the user says so, even many or long ones."""
        return self.is_plain and self.distinct > 1 and not are_too_many_classes(self.distinct, self.filled)

    def describe_examples(self) -> str:
        """Return a few of the values, for a question about the column."""
        shown = sorted(self.examples)[:_SHOWN_EXAMPLES]
        more = ["…"] if self.distinct > len(shown) else []
        return shorten_middle(
            show_controls(" | ".join([*(" ".join(text.split()) for text in shown), *more])), _LONGEST_EXAMPLE
        )

    def describe_values(self) -> str:
        """Return what the values are, for a message about a column that cannot be the label."""
        if self.has_dates:
            return "holds dates or times"
        if not self.is_plain:
            return "holds lists or the like"
        if self.fractions > _MOST_FRACTIONS:
            return f"holds {self.distinct:,} different numbers with fractions: measurements"
        if self.distinct <= 1:
            return "has one value in all rows" if self.distinct else "is empty"
        return f"has {self.distinct:,} different values in {self.filled:,} rows"


def profile_columns(table: RawTable) -> list[ColumnProfile]:
    """Return a profile of each column that was read, in the order of the table."""
    return [_profile(name, table.values[name]) for name in table.columns if name in table.values]


def _profile(name: str, values: Column) -> ColumnProfile:
    codes, distinct = distinct_values(values)
    sample = _read(_sample(values))
    texts = [text for text in sample if text]
    kinds = _read(distinct[: _MOST_CLASSES + 1])
    missing = [number for number, text in enumerate(kinds) if text == ""]
    is_number = bool(texts) and all(map(_is_number, texts))
    return ColumnProfile(
        name=name,
        codes=codes,
        examples=frozenset(text for text in kinds if text),
        distinct=len(distinct) - len(missing),
        filled=int(len(codes) - np.isin(codes, missing).sum()),
        words=float(np.mean([count_words(text) for text in texts])) if texts else 0.0,
        is_plain=None not in sample and None not in kinds[:_MOST_CLASSES],
        has_dates=any(isinstance(value, _DATES) for value in distinct[:_MOST_CLASSES]),
        is_number=is_number,
        is_address=bool(texts) and sum(bool(_ADDRESS.match(text)) for text in texts) > len(texts) / 2,
        fractions=sum(_is_number(text) and float(text.replace(",", ".")) % 1 != 0 for text in kinds if text),
    )


def _sample(values: Column) -> list[Any]:
    """Return values evenly spaced over the rows, some thousand at most."""
    if not len(values):
        return []
    rows = np.unique(np.linspace(0, len(values) - 1, _SAMPLED_ROWS).astype(np.int64))
    if isinstance(values, list):
        return [values[row] for row in rows]
    return list_values(values.take(rows))


def _read(values: Sequence[Any]) -> list[str | None]:
    """Return values as texts: "" where there is none, None where a value is a list, a date or the like."""
    texts: list[str | None] = []
    for value in values:
        try:
            texts.append(to_text(value, "", "text"))
        except BadValueError as error:
            is_text = isinstance(value, (str, bytes))
            texts.append("" if is_text and str(error) else None)
    return texts


def _is_number(text: str) -> bool:
    try:
        return float(text.replace(",", ".")) is not None and text.lower() not in ("nan", "inf", "infinity")
    except ValueError:
        return False


def count_words(text: str) -> int:
    """Return the number of words. In a script without spaces, two signs count as one."""
    return len(text.split()) + len(_UNSPACED.findall(text)) // 2
