"""The same files read by pandas, and by `datasets` of Hugging Face as the scripts of transformers do."""

import tempfile
import time
from pathlib import Path

import datasets
import pandas as pd

from benchmarks.speed.cases import Measurement
from benchmarks.speed.peak_memory import peak_memory

_SPLITS = ("train", "validation", "test")


def measure_datasets(folder: Path, suffix: str, _seed: int) -> Measurement:
    """Return the seconds until texts and class numbers are lists, and the memory that it took."""
    files = {split: str(folder / f"{split}.{suffix}") for split in _SPLITS}
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        loaded = datasets.load_dataset(suffix, data_files=files, cache_dir=cache)
        encoded = loaded.class_encode_column("label")
        columns = {split: (rows["text"][:], rows["label"][:]) for split, rows in encoded.items()}
        seconds = time.perf_counter() - start
    assert columns["train"][0]
    return Measurement(seconds, peak_memory())


def measure_pandas(folder: Path, suffix: str, _seed: int) -> Measurement:
    """Return the same for pandas, which checks nothing."""
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet}[suffix]
    start = time.perf_counter()
    frames = {split: read(folder / f"{split}.{suffix}") for split in _SPLITS}
    codes = {split: (frame["text"].tolist(), pd.factorize(frame["label"])[0]) for split, frame in frames.items()}
    seconds = time.perf_counter() - start
    assert codes["train"][0]
    return Measurement(seconds, peak_memory())
