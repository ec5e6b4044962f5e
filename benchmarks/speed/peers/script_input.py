"""Writes the data set as csv files, as a user has them, for the script of the row `cold_start`."""

from pathlib import Path

import pandas as pd

from benchmarks.speed import inputs
from benchmarks.speed.peers.trainer import uses_bf16
from benchmarks.speed.settings import Settings


def write_input(settings: Settings, folder: Path) -> tuple[Path, bool]:
    """Write train.csv and validation.csv. Returns the folder of the encoder, and True if the device has bf16."""
    data = inputs.texts(settings)
    for split in ("train", "validation"):
        rows = data.splits[split]
        pairs = {} if rows.pairs is None else {"pair": rows.pairs}
        frame = pd.DataFrame({"text": rows.texts, **pairs, "label": rows.labels})
        frame.to_csv(folder / f"{split}.csv", index=False)
    return data.encoder_folder, uses_bf16(settings)
