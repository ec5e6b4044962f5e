"""Time a training by a few of its steps: what `sweeper plan` bases its hours on.

The trainer itself runs, on a few batches whose lengths are spread over those of a whole epoch. A first run on the
longest batch warms up and needs the most memory. The second run's epochs are then scaled to whole epochs.
"""

import math
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sweeper.training import batching
from sweeper.training.config import TrainConfig
from sweeper.training.embedding_rows import searched_tokens
from sweeper.training.evaluation import scored_batch_size
from sweeper.training.registry import LOSSES
from sweeper.training.trainer import train_events
from sweeper.training.training_cost import TrainingCost
from sweeper.training.types import TokenizedSplit, TrainingData, ValidationReport

_TRAIN_BATCHES, _VALIDATION_BATCHES = 6, 3
_EPOCHS = 2  # the second is free of what happens once


@dataclass(frozen=True)
class _Moment:
    """A report, and the time at which it came: of the clock and of the processor, in seconds.

    Before it, a checkpoint was written; `computed_at` and `computed_processor` are the times before that.
    """

    report: ValidationReport
    at: float
    processor: float
    computed_at: float
    computed_processor: float

    @property
    def training(self) -> float:
        """The seconds of the training before the report, per text."""
        return 1 / self.report.metrics["examples_per_second"]

    @property
    def computing(self) -> float:
        """The seconds of training and validation before the report."""
        return self.report.metrics["seconds"]


@dataclass(frozen=True)
class _Sizes:
    """The numbers of texts in the splits, and in the parts of train and validation that were used."""

    train: int
    trained: int
    validation: int
    validated: int
    test: int


def calibrate(config: TrainConfig, data: TrainingData, folder: Path | None = None, test_rows: int = 0) -> TrainingCost:
    """Train a few steps and return what a whole training costs. Checkpoints go to a folder that is removed.

    `data` has train and validation; `test_rows` is the size of the test split. The folder is made in `folder`, by
    default where the system keeps temporary files. Raises what a training raises.
    """
    config = config.model_copy(update={"validations_per_epoch": 1, "epochs": _EPOCHS, "contrastive_epochs": _EPOCHS})
    batches = batching.bucketed_batches(
        data.splits["train"], config.batch_size, config.max_length, seed=config.seed, epoch=0
    )
    batches.sort(key=lambda rows: _padded_length(data.splits["train"], rows, config.max_length))
    trained_batches = spread(batches, _TRAIN_BATCHES)
    validation_batches = list(batching.sorted_batches(data.splits["validation"], scored_batch_size(config)))
    validated_batches = spread(validation_batches, _VALIDATION_BATCHES)
    _reset_gpu_memory()
    one_epoch = config.model_copy(update={"epochs": 1, "contrastive_epochs": 1})
    with tempfile.TemporaryDirectory(prefix=".plan-", dir=folder) as temporary:
        list(
            _moments(one_epoch, part_of(data, batches[-1:], validated_batches[:1]), Path(temporary) / "checkpoint-0.pt")
        )
        start_time = time.perf_counter()
        data_part = part_of(data, trained_batches, validated_batches)
        moments = list(_moments(config, data_part, Path(temporary) / "checkpoint-1.pt"))
    sizes = _Sizes(
        train=len(data.splits["train"]),
        trained=sum(map(len, trained_batches)),
        validation=len(data.splits["validation"]),
        validated=sum(map(len, validated_batches)),
        test=test_rows,
    )
    return _scale(config, moments, start_time, sizes)


def _scale(config: TrainConfig, moments: Sequence[_Moment], start_time: float, sizes: _Sizes) -> TrainingCost:
    """Return the cost of a whole training, from the reports of a part of it."""
    first, second_to_last, last = moments[0], moments[-2], moments[-1]
    checkpoint = max(0.0, last.at - second_to_last.at - last.computing)
    validation = (last.computing - last.training * sizes.trained) * sizes.validation / sizes.validated
    warm_up, encoder_epoch = moments[_EPOCHS - 2 : _EPOCHS]  # of the phase that trains the encoder
    contrastive_epoch = features = 0.0
    if LOSSES[config.loss].has_two_phases:
        contrastive_epoch = encoder_epoch.training * sizes.train
        classifier_epoch = moments[_EPOCHS]  # before it, the features of the training split are computed
        features_seconds = classifier_epoch.at - encoder_epoch.at - checkpoint - classifier_epoch.computing
        features = max(0.0, features_seconds) * sizes.train / sizes.trained
    start = max(0.0, first.at - start_time - moments[1].computing - checkpoint)
    validation_passes = 2 if LOSSES[config.loss].has_weighting_network else 1
    scored_texts = validation_passes * sizes.validation + sizes.test
    return TrainingCost(
        start=start,
        epoch=last.training * sizes.train,
        contrastive_epoch=contrastive_epoch,
        features=features,
        validation=validation,
        checkpoint=checkpoint,
        score=start + validation * scored_texts / sizes.validation,
        processor=(encoder_epoch.computed_processor - warm_up.processor)
        / max(encoder_epoch.computed_at - warm_up.at, 1e-9),
        checkpoint_processor=encoder_epoch.processor - encoder_epoch.computed_processor,
        memory=_peak_memory(),
        gpu_memory=torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0,
    )


def _moments(config: TrainConfig, data: TrainingData, path: Path) -> Iterator[_Moment]:
    """Train, and yield each report with its time."""
    times = [(time.perf_counter(), time.process_time())] * 2  # of the last two heartbeats: the last is a checkpoint's
    for event in train_events(config, data, path):
        now = time.perf_counter(), time.process_time()
        if isinstance(event, ValidationReport):
            yield _Moment(event, *now, *times[0])
        else:
            times = [times[1], now]


def _padded_length(split: TokenizedSplit, rows: NDArray[np.int64], max_length: int) -> int:
    lengths = split.starts[rows + 1] - split.starts[rows]
    return min(int(lengths.max()), max_length) * len(rows)


def spread(batches: Sequence[NDArray[np.int64]], count: int) -> list[NDArray[np.int64]]:
    """Return at most `count` of the batches: the middles of as many equal parts."""
    count = min(count, len(batches))
    return [batches[math.floor((k + 0.5) * len(batches) / count)] for k in range(count)]


def part_of(
    data: TrainingData, trained: Sequence[NDArray[np.int64]], validated: Sequence[NDArray[np.int64]]
) -> TrainingData:
    """Return the data with these batches of train and of validation alone.

    The tokens of both splits follow the last text of train, where nobody reads them: so the model keeps all the word
    embeddings that it has in a whole training.
    """
    train = _select(data.splits["train"], np.concatenate(trained))
    train = replace(train, tokens=np.concatenate([train.tokens, searched_tokens(data).astype(np.int32)]))
    validation = _select(data.splits["validation"], np.concatenate(validated))
    return replace(data, splits={"train": train, "validation": validation})


def _select(split: TokenizedSplit, rows: NDArray[np.int64]) -> TokenizedSplit:
    """Return the split with these rows only."""
    spans = [np.arange(split.starts[row], split.starts[row + 1]) for row in rows]
    positions = np.concatenate(spans)
    return TokenizedSplit(
        tokens=split.tokens[positions],
        starts=np.cumsum([0, *map(len, spans)]).astype(np.int64),
        lengths=split.lengths[rows],
        labels=split.labels[rows],
        token_types=None if split.token_types is None else split.token_types[positions],
        ends_with_separator=split.ends_with_separator,
        pairs=split.pairs and split.pairs.select(rows),
    )


def _reset_gpu_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_memory() -> int:
    """Return the most memory that this process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
