"""Train trials of a sweep once more without interruption, and compare their metrics with the record."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from sweeper.data import hub_datasets, preprocessing, sampling
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import open_sweep
from sweeper.training.trainer import train
from sweeper.training.types import TIMING_METRICS, EncoderWeights, TrainingData
from sweeper.training.vocabulary import Vocabulary
from sweeper.trials.trial import TrialRecord


def differing_metrics(sweep: Path, numbers: Sequence[int]) -> list[str]:
    """Train these trials again. Returns a line for each step whose metrics are not bit for bit those of the record."""
    spec = open_sweep(sweep).read_spec()
    data = _training_data(spec)
    records = [record for record in _read_records(sweep, spec) if record.trial.number in numbers]
    return [line for record in records for line in _differing_steps(record, data)]


def _training_data(spec: SweepSpec) -> TrainingData:
    """Return what every trial of a sweep with one recurrent encoder trains on."""
    tables, _ = hub_datasets.load_tables(spec.dataset_spec, None)
    dataset = preprocessing.prepare(spec.dataset_spec, tables)
    train_rows = sampling.stratified_subset(dataset.splits["train"], spec.limit.train)
    validation_rows = sampling.stratified_subset(dataset.splits["validation"], spec.limit.validation)
    words = Vocabulary(train_rows, spec.max_words)
    tokens = {
        "train": words.tokenize_split(train_rows, spec.max_tokens),
        "validation": words.tokenize_split(validation_rows, spec.max_tokens),
    }
    return TrainingData(dataset.class_names, EncoderWeights(spec.encoders[0], {}, {}, words.padding), tokens)


def _read_records(sweep: Path, spec: SweepSpec) -> Sequence[TrialRecord]:
    """Return the trials of a record. Reads a copy, because opening a record may write to it."""
    with tempfile.TemporaryDirectory() as parent:
        copy = Path(shutil.copy(sweep / "record.journal", parent))
        with closing(OptunaStudy(spec, copy, open_sweep(sweep).manifest.threads)) as study:
            return study.all_trials()


def _differing_steps(record: TrialRecord, data: TrainingData) -> Iterator[str]:
    with closing(train(record.trial.config, data, None)) as reports:
        for recorded, report in zip(record.reports, islice(reports, len(record.reports)), strict=True):
            for name in sorted({*recorded.metrics, *report.metrics} - TIMING_METRICS):
                if repr(recorded.metrics.get(name)) != repr(report.metrics.get(name)):
                    yield f"trial {record.trial.number}, step {report.step}: {name} differs from an uninterrupted run"
