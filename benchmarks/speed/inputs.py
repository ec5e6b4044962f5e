"""The data set and the encoder of the training rows, as sweeper prepares them and as texts for the peers."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.settings import OFFLINE_DATA, Settings
from sweeper.app.prepare_data import SEARCHED, PreparedSweep, load_training_data, prepare_sweep
from sweeper.data.rows import LabelledTexts
from sweeper.errors import UnavailableError
from sweeper.search_space import parser, yaml_file
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.output import PlainOutput
from sweeper.training.types import TokenizedSplit, TrainingData


@dataclass(frozen=True)
class Texts:
    """The texts of each split, the number of classes, and the folder of the encoder: what a peer needs."""

    splits: Mapping[str, LabelledTexts]
    num_classes: int
    encoder_folder: Path


def load_spec(settings: Settings) -> SweepSpec:
    """Return a search space over the data set and the encoder of the settings. Raises UsageError."""
    overrides = [f"compare={{encoder: [{settings.encoder}], loss: [ce]}}", f"training.max_length={settings.max_length}"]
    if Path(settings.data).suffix in (".yaml", ".yml"):
        document = yaml_file.load_yaml(Path(settings.data), ["search={}", *overrides])
        return parser.parse_spec(document)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "space.yaml"
        path.write_text(f"dataset: {settings.data}\n", encoding="utf-8")
        return parser.parse_spec(yaml_file.load_yaml(path, overrides))


def reachable_data(settings: Settings) -> Settings:
    """Return the settings, with the data set that ships with sweeper if SST-5 is not to be had."""
    try:
        _prepare(settings)
    except UnavailableError:
        return replace(settings, data=OFFLINE_DATA)
    return settings


@cache
def _prepare(settings: Settings) -> PreparedSweep:
    return prepare_sweep(PlainOutput(progress=False), load_spec(settings), None)


@cache
def training_data(settings: Settings, splits: tuple[str, ...] = SEARCHED) -> TrainingData:
    """Return tokens and weights as a trial of sweeper gets them."""
    data = load_training_data(_prepare(settings), [settings.encoder], splits, step=lambda _: nullcontext())
    return data[settings.encoder]


@cache
def texts(settings: Settings) -> Texts:
    """Return the same data set as texts."""
    prepared = _prepare(settings)
    dataset = prepared.dataset
    return Texts(dataset.splits, len(dataset.class_names), prepared.encoders[settings.encoder])


def random_rows(num_rows: int, wanted: int, seed: int) -> NDArray[np.int64]:
    """Return the numbers of `wanted` random rows, all of them if there are not so many."""
    return np.random.default_rng(seed).permutation(num_rows)[:wanted]


def take_rows(split: TokenizedSplit, rows: Sequence[int] | NDArray[np.int64]) -> TokenizedSplit:
    """Return the rows with these numbers as a split of their own."""
    spans = [slice(split.starts[row], split.starts[row + 1]) for row in rows]
    lengths = [0, *(span.stop - span.start for span in spans)]
    token_types = split.token_types
    return replace(
        split,
        tokens=np.concatenate([split.tokens[span] for span in spans]),
        starts=np.cumsum(lengths, dtype=np.int64),
        lengths=split.lengths[rows],
        labels=split.labels[rows],
        token_types=None if token_types is None else np.concatenate([token_types[span] for span in spans]),
    )
