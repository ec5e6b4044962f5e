"""The findings of a look at a user's data: columns, classes, repeated texts, and lengths."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from sweeper.data.bad_rows import BadRows
from sweeper.data.class_counts import count_classes
from sweeper.data.dataset_description import describe_dataset
from sweeper.data.equal_texts import number_equal_texts
from sweeper.data.overlaps import count_conflicts
from sweeper.data.preprocessing import PreparedDataset
from sweeper.data.rows import LabelledTexts

LENGTHS = (16, 32, 64, 96, 128, 192, 256, 384, 512)  # values of max_length that are looked at
_QUANTILES = (5, 25, 50, 75, 90, 95, 99, 100)


class TextLengths(BaseModel):
    """The lengths of the texts; a pair counts as one text."""

    model_config = ConfigDict(frozen=True)

    unit: str = Field(description="tokens, or words for encoders that are trained from scratch")
    encoder: str = Field(description="the encoder whose tokenizer counted")
    texts: int = Field(description="texts that were counted; a sample of large data")
    quantiles: dict[str, int] = Field(description="length by percentile")
    fits: dict[int, float] = Field(description="share of the texts that are not cut, by max_length")

    def covering(self, share: float, at_most: int) -> int:
        """Return the smallest of the lengths that leaves this share of the texts whole, or `at_most`."""
        allowed = [length for length in LENGTHS if length <= at_most]
        return next((length for length in allowed if self.fits[length] >= share), allowed[-1])


class DataSummary(BaseModel):
    """The facts about a data set that decide how it is trained on."""

    model_config = ConfigDict(frozen=True)

    text: tuple[str, ...] = Field(description="the text column, or two columns of a pair")
    label: str = Field(description="the label column")
    rows: dict[str, int] = Field(description="rows by split")
    classes: dict[str, dict[str, int]] = Field(description="rows by split and class")
    majority_class: str = Field(description="the most frequent class")
    majority_share: float = Field(description="its share of all rows: the accuracy of always guessing it")
    repeated_rows: int = Field(description="rows whose text an earlier row has")
    conflicting_texts: int = Field(description="texts that occur with more than one label")
    bad_rows: int = Field(description="rows that cannot be used")
    bad_row_kinds: tuple[str, ...] = Field((), description="their number by split and reason, a line for each")
    bad_row_examples: tuple[str, ...] = Field(description="the first of those, with their places")
    script: str = Field(description="the script of most letters, as Unicode names it")
    lengths: TextLengths
    warnings: tuple[str, ...]

    @property
    def class_totals(self) -> dict[str, int]:
        """The rows of each class over all splits, the largest class first."""
        totals = {name: sum(counts[name] for counts in self.classes.values()) for name in self.classes["train"]}
        return dict(sorted(totals.items(), key=lambda item: -item[1]))


def summarize_data(
    columns: tuple[tuple[str, ...], str],
    splits: Mapping[str, LabelledTexts],
    class_names: Sequence[str],
    bad_rows: BadRows,
    script: str,
    lengths: TextLengths,
) -> DataSummary:
    """Return the facts about the rows of a data set; `columns` are those of the texts and of the label."""
    counts = {split: count_classes(rows, class_names) for split, rows in splits.items()}
    labels = np.concatenate([rows.labels for rows in splits.values()])
    texts = np.concatenate(number_equal_texts(list(splits.values())))
    totals = np.bincount(labels, minlength=len(class_names))
    text, label = columns
    left_out = bad_rows.describe_left_out("test", len(splits["test"])) if "test" in splits else ()
    prepared = PreparedDataset(splits, tuple(class_names), left_out_of_test=tuple(left_out))
    return DataSummary(
        text=text,
        label=label,
        rows={split: len(rows) for split, rows in splits.items()},
        classes=counts,
        majority_class=class_names[int(totals.argmax())],
        majority_share=float(totals.max() / len(labels)),
        repeated_rows=len(texts) - len(np.unique(texts)),
        conflicting_texts=count_conflicts(texts, labels),
        bad_rows=bad_rows.count,
        bad_row_kinds=tuple(bad_rows.describe_kinds()),
        bad_row_examples=tuple(bad_rows.lines[:3]),
        script=script,
        lengths=lengths,
        warnings=describe_dataset(prepared).warnings,
    )


def describe_lengths(lengths: NDArray[np.int32], unit: str, encoder: str) -> TextLengths:
    """Return the quantiles of lengths (N,), and the share of them that each max_length holds."""
    quantiles = np.percentile(lengths, _QUANTILES, method="higher").astype(int).tolist()
    return TextLengths(
        unit=unit,
        encoder=encoder,
        texts=len(lengths),
        quantiles=dict(zip(map(str, _QUANTILES), quantiles, strict=True)),
        fits={length: float((lengths <= length).mean()) for length in LENGTHS},
    )
