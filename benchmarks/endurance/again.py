"""Trials of a sweep trained again without any interruption, and their numbers beside those of the record."""

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from sweeper.data import hub_datasets, preprocessing
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import open_sweep
from sweeper.training.trainer import train
from sweeper.training.types import TIMING_METRICS, EncoderWeights, TrainingData
from sweeper.training.vocabulary import Vocabulary
from sweeper.trials.trial import TrialRecord


def training_data(spec: SweepSpec) -> TrainingData:
    """What every trial of a sweep of recurrent encoders trains on."""
    tables, _ = hub_datasets.load_tables(spec.dataset_spec, None)
    corpus = preprocessing.prepare(spec.dataset_spec, tables)
    parts = {
        name: preprocessing.stratified_subset(corpus.splits[name], getattr(spec.limit, name))
        for name in ("train", "validation")
    }
    words = Vocabulary(parts["train"], spec.max_words)
    splits = {name: words.tokenize_split(rows, spec.max_tokens) for name, rows in parts.items()}
    return TrainingData(corpus.labels, EncoderWeights(spec.encoders[0], {}, {}, words.padding), splits)


def differences(folder: Path, numbers: Sequence[int]) -> list[str]:
    """Where the metrics of these trials are not, bit for bit, those of a training without interruption."""
    spec = open_sweep(folder).spec
    data = training_data(spec)
    return [line for one in _recorded(folder, spec) if one.trial.number in numbers for line in _of_trial(one, data)]


def _recorded(folder: Path, spec: SweepSpec) -> Sequence[TrialRecord]:
    """The trials of a record; a copy is read, for whoever opens a record may write to it."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(shutil.copy(folder / "record.journal", place))
        with closing(OptunaStudy(spec, copy, open_sweep(folder).manifest.threads)) as study:
            return study.all_trials()


def _of_trial(recorded: TrialRecord, data: TrainingData) -> list[str]:
    number, found = recorded.trial.number, []
    with closing(train(recorded.trial.config, data, None)) as reports:
        for kept, report in zip(recorded.reports, islice(reports, len(recorded.reports)), strict=True):
            names = {*kept.metrics, *report.metrics} - TIMING_METRICS
            other = sorted(name for name in names if repr(kept.metrics.get(name)) != repr(report.metrics.get(name)))
            if other:
                found.append(f"trial {number}, step {report.step}: {', '.join(other)} differ from a training in one go")
    return found
