"""Files with many rows, and sweeper's way of reading them: the tables, the prepared rows, and the peak of memory."""

import csv
import time
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benchmarks.speed.cases import Measurement
from benchmarks.speed.peak_memory import peak_memory
from sweeper.data import preprocessing
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.local_files import read_tables

_WORDS = [
    "a",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "while",
    "eleven",
    "grey",
    "geese",
    "sleep,",
    "and",
    "nobody",
    "minds",
]
_LABELS = ("good", "bad", "neither")


def write_files(folder: Path, rows: int, seed: int) -> None:
    """Write train.csv and train.parquet with so many rows, and small files for the other splits."""
    random = Random(seed)
    texts = [f"{' '.join(random.choices(_WORDS, k=12))} {number}" for number in range(rows)]
    labels = random.choices(_LABELS, k=rows)
    for name, size in (("train", rows), ("validation", 100), ("test", 100)):
        table = pa.table({"text": [f"{text} {name}" for text in texts[:size]], "label": labels[:size]})
        pyarrow.parquet.write_table(table, folder / f"{name}.parquet")
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            writer.writerows(zip(*(table[column].to_pylist() for column in ("text", "label")), strict=True))


def measure(folder: Path, suffix: str, _seed: int) -> Measurement:
    """Return the seconds until the rows of these files are ready for tokenizing, and the memory that it took."""
    files = {split: str(folder / f"{split}.{suffix}") for split in ("train", "validation", "test")}
    dataset = DatasetSpec("own", files=files)
    start = time.perf_counter()
    prepared = preprocessing.prepare(dataset, read_tables(dataset.files, dataset.columns))
    seconds = time.perf_counter() - start
    assert prepared.splits["train"].texts
    return Measurement(seconds, peak_memory())
