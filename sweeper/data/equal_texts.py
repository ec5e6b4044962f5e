"""The comparison of texts: two are equal if they differ in nothing but case and spaces."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.data import arrow_columns
from sweeper.data.rows import LabelledTexts


def number_equal_texts(splits: Sequence[LabelledTexts]) -> list[NDArray[np.int64]]:
    """Return a number for each row of each split, (N,) each, so that equal texts or pairs have the same number.

    The numbers count from 0 in order of appearance.
    """
    columns = [[rows.texts] if rows.pairs is None else [rows.texts, rows.pairs] for rows in splits]
    return arrow_columns.number_equal_texts(columns, _fold)


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
