"""Train resumed trials once more without interruption, and compare their metrics with the record."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from benchmarks.endurance.record_check import read_records
from sweeper.data import hub_datasets, preprocessing, sampling
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import open_sweep
from sweeper.training.trainer import train
from sweeper.training.types import TIMING_METRICS, EncoderWeights, TrainingData
from sweeper.training.vocabulary import Vocabulary
from sweeper.trials.trial import TrialRecord


def training_data(spec: SweepSpec) -> TrainingData:
    """Return the data that every trial of a sweep with one recurrent encoder trains on."""
    tables, _ = hub_datasets.load_tables(spec.dataset_spec, None)
    dataset = preprocessing.prepare(spec.dataset_spec, tables)
    splits = {
        name: sampling.stratified_subset(dataset.splits[name], getattr(spec.limit, name))
        for name in ("train", "validation")
    }
    words = Vocabulary(splits["train"], spec.max_words)
    tokens = {name: words.tokenize_split(rows, spec.max_tokens) for name, rows in splits.items()}
    return TrainingData(dataset.class_names, EncoderWeights(spec.encoders[0], {}, {}, words.padding), tokens)


def find_differences(sweep: Path, numbers: Sequence[int]) -> list[str]:
    """Train the trials with these numbers again; name each step whose metrics are not bit for bit the record's."""
    records, data = read_records(sweep), training_data(open_sweep(sweep).read_spec())
    return [line for number in numbers for line in _differing_steps(records[number], data)]


def _differing_steps(record: TrialRecord, data: TrainingData) -> Iterator[str]:
    with closing(train(record.trial.config, data, None)) as reports:
        for recorded, report in zip(record.reports, islice(reports, len(record.reports)), strict=True):
            names = {*recorded.metrics, *report.metrics} - TIMING_METRICS
            differing = sorted(
                name for name in names if repr(recorded.metrics.get(name)) != repr(report.metrics.get(name))
            )
            if differing:
                yield (
                    f"trial {record.trial.number}, step {report.step}: {', '.join(differing)} differ from an "
                    "uninterrupted training"
                )
