"""The splits of a data set that has only one: drawn class by class, and written as files beside the search space."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sweeper.atomic_write import atomic_write
from sweeper.data.rows import LabelledTexts
from sweeper.data.sampling import hold_out
from sweeper.errors import UsageError

_SHARE = 0.15  # of the rows for validation, and as much for test
_MOST_ROWS = {"validation": 2_000, "test": 4_000}


def split_rows(rows: LabelledTexts, place: str, seed: int) -> dict[str, LabelledTexts]:
    """Return train, validation and test. Rows with equal texts stay together, and each class keeps its share.

    Raises UsageError if there are too few rows.
    """
    total = len(rows)
    train, test = hold_out(rows, min(_SHARE, _MOST_ROWS["test"] / max(total, 1)), seed)
    share = min(_SHARE, _MOST_ROWS["validation"] / max(total, 1)) * total / max(len(train), 1)
    train, validation = hold_out(train, min(share, 0.5), seed)
    splits = {"train": train, "validation": validation, "test": test}
    for split, drawn_rows in splits.items():
        if not len(drawn_rows):
            raise UsageError(
                f"{place}: {total:,} rows are too few for three splits, {split} would be empty; add rows, at "
                "least three different texts of some class"
            )
    return splits


def write_splits(
    folder: Path, splits: Mapping[str, LabelledTexts], text: Sequence[str], label: str, class_names: Sequence[str]
) -> dict[str, Path]:
    """Write each split as JSON lines with the columns of the texts and of the label. Raises OSError."""
    paths = {split: folder / f"{split}.jsonl" for split in splits}
    for split, rows in splits.items():
        columns = [rows.texts] if rows.pairs is None else [rows.texts, rows.pairs]
        labels = [class_names[number] for number in rows.labels.tolist()]
        with atomic_write(paths[split]) as file:
            for values in zip(*columns, labels, strict=True):
                row = dict(zip((*text, label), values, strict=True))
                file.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode())
    return paths
