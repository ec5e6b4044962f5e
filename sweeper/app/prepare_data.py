"""Fetches and pins a sweep's data set and encoders before it starts, and turns them into arrays."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.app.fit_checks import (
    require_defined_objective,
    require_enough_batches,
    require_enough_positions,
    require_fitting_classifier,
    require_fitting_layers,
    require_fitting_length,
)
from sweeper.app.learn_from import read_earlier_sweeps
from sweeper.data.dataset_description import DatasetDescription, describe_dataset
from sweeper.data.preprocessing import PreparedDataset, content_digest
from sweeper.errors import UsageError
from sweeper.protocol.sweep_plan import Span
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_manifest import EncoderSummary
from sweeper.terminal.output import Output
from sweeper.training.registry import encoder_kind
from sweeper.training.types import EncoderWeights, TrainingData
from sweeper.trials.borrowed import BorrowedTrials, borrowed_digest

if TYPE_CHECKING:
    from sweeper.data.hub import Pinned
    from sweeper.training.tokenizer import Tokenizer
    from sweeper.training.vocabulary import Vocabulary

Step = Callable[[str], AbstractContextManager[Any]]
SEARCHED = ("train", "validation")  # the splits that a search may see


@dataclass(frozen=True)
class PreparedSweep:
    """A sweep with what it needs on this machine.

    `folder` is that of a sweep that has begun. `encoders` are the folders of pretrained encoders by name. `resolved`
    maps the data set and each encoder to the revision or digest that pins it. `seconds` is the time that fetching and
    reading took: the budget's hours cover it. `borrowed` are the trials of earlier sweeps that it learns from. With
    `is_fresh`, it is to begin beside sweeps that are the same. `hours` is the wall time that it will take, if known.
    """

    spec: SweepSpec
    folder: SweepFolder | None
    dataset: PreparedDataset
    description: DatasetDescription
    encoders: Mapping[str, Path]
    resolved: Mapping[str, str]
    seconds: float = 0.0
    borrowed: Sequence[BorrowedTrials] = ()
    is_fresh: bool = False
    hours: Span | None = None


def prepare_sweep(output: Output, spec: SweepSpec, folder: SweepFolder | None) -> PreparedSweep:
    """Fetch what a sweep needs; for a sweep that has begun, exactly the revisions that it began with.

    Raises UsageError if these are no longer available, and UnavailableError if something cannot be fetched.
    """
    began = time.monotonic()
    pins = folder.manifest.resolved if folder else {}
    borrowed = folder.manifest.borrowed if folder else read_earlier_sweeps(spec)
    pretrained = [name for name in spec.encoders if encoder_kind(name).is_pretrained]
    for name in pretrained:
        check_encoder_config(output, spec, name, pins.get(name))
    dataset, revision = prepare_dataset(output, spec, pins.get("dataset"))
    encoders = {name: fetch_encoder_folder(output, name, pins.get(name)) for name in pretrained}
    revisions = {name: encoder.revision for name, encoder in encoders.items()}
    resolved = {"dataset": revision, "rows": content_digest(dataset), **revisions}
    if borrowed:
        resolved["learn_from"] = borrowed_digest(borrowed)
    if folder is not None:
        _require_unchanged(folder, pins, resolved)
    folders = {name: encoder.value for name, encoder in encoders.items()}
    description = describe_dataset(dataset)
    return PreparedSweep(spec, folder, dataset, description, folders, resolved, time.monotonic() - began, borrowed)


def check_encoder_config(output: Output, spec: SweepSpec, name: str, pin: str | None) -> None:
    """Check the configuration of a pretrained encoder, at the revision `pin` if that is given. No weights are fetched.

    Raises UnavailableError if it cannot be had, and UsageError if the encoder takes fewer tokens than max_length.
    """
    from sweeper.data.hub_encoders import fetch_encoder_config

    with output.step(f"looking for {name}"):
        folder = fetch_encoder_config(name, pin)
    require_enough_positions(spec, name, folder)


def fetch_encoder_folder(output: Output, name: str, pin: str | None) -> "Pinned":
    """Return the local folder of a pretrained encoder, at the revision `pin` if that is given.

    Raises UnavailableError if it cannot be had.
    """
    from sweeper.data.hub_encoders import fetch_encoder

    with output.step(f"fetching {name}") as show_progress:
        return fetch_encoder(name, pin, _in_megabytes(show_progress))


def prepare_dataset(output: Output, spec: SweepSpec, pin: str | None) -> tuple[PreparedDataset, str]:
    """Return the rows that a sweep uses, and the commit of the hub that they come from, or "files".

    Raises UsageError if the data set cannot be had or used.
    """
    with output.step(f"fetching {spec.dataset_spec.name}"):
        return _prepare_dataset(spec, pin)


def _prepare_dataset(spec: SweepSpec, pin: str | None) -> tuple[PreparedDataset, str]:
    from sweeper.data import preprocessing
    from sweeper.data.class_counts import count_classes
    from sweeper.data.sampling import stratified_subset

    if spec.dataset_spec.files:
        from sweeper.data.local_files import read_tables

        tables, revision = read_tables(spec.dataset_spec.files, spec.dataset_spec.columns), "files"
    else:
        from sweeper.data.hub_datasets import load_tables

        tables, revision = load_tables(spec.dataset_spec, pin)
    dataset = preprocessing.prepare(spec.dataset_spec, tables, spec.on_bad_rows)
    subsets = {
        split: stratified_subset(rows, getattr(spec.limit, split, None)) for split, rows in dataset.splits.items()
    }
    for split, rows in subsets.items():
        if not len(rows):
            rule = f"leaves no row, because the texts of {split} repeat, got {getattr(spec.limit, split)}"
            raise UsageError(spec.message(("limit", split), f"{rule}; give a larger limit"))
    require_enough_batches(spec, len(subsets["train"]))
    require_defined_objective(spec, count_classes(subsets["validation"], dataset.class_names))
    full_sizes = {split: len(rows) for split, rows in dataset.splits.items()}
    return replace(dataset, splits=subsets, full_sizes=full_sizes), revision


def _in_megabytes(show_progress: Callable[[str], None]) -> Callable[[int, int], None]:
    return lambda done, total: show_progress(f"{done / 1e6:.0f} of {total / 1e6:.0f} MB")


_PINNED = {
    "dataset": "the revision of its data set",
    "rows": "the content of its data set",
    "learn_from": "what it learns from",
}


def _require_unchanged(folder: SweepFolder, pins: Mapping[str, str], resolved: Mapping[str, str]) -> None:
    changed = [name for name, pin in pins.items() if resolved.get(name) != pin]
    if changed:
        name = changed[0]
        raise UsageError(
            f"{folder.path}: {_PINNED.get(name, f'encoder {name}')} has changed since this sweep began "
            f"({pins[name][:12]} then, {resolved[name][:12]} now); bring it back, or move the folder away to start anew"
        )


def load_training_data(
    prepared: PreparedSweep, encoders: Iterable[str], splits: Sequence[str] = SEARCHED, *, step: Step
) -> dict[str, TrainingData]:
    """Return tokens and weights as arrays, by encoder. `step` shows what takes a while.

    Raises UsageError if an encoder cannot take texts as long as the sweep's or lacks layers that a training needs, or
    if a classifier would not fit memory.
    """
    spec, dataset = prepared.spec, prepared.dataset
    data = {}
    for name in encoders:
        with step(f"tokenizing {_join(splits)} of {spec.dataset_spec.name} and loading the weights of {name}"):
            tokenizer = tokenizer_of(prepared, name)
            tokens = {split: tokenizer.tokenize_split(dataset.splits[split], spec.max_tokens) for split in splits}
            if not encoder_kind(name).is_pretrained:
                encoder = EncoderWeights(name, {}, {}, tokenizer.padding)
            else:
                from sweeper.training.pretrained import load_pretrained

                encoder = load_pretrained(prepared.encoders[name], name, tokenizer.padding)
                require_fitting_length(spec, name, tokenizer.max_tokens)
                require_fitting_classifier(spec, encoder, len(dataset.class_names))
            require_fitting_layers(spec, encoder)
            data[name] = TrainingData(dataset.class_names, encoder, tokens, spec.dataset_spec.task)
    return data


def summarize_encoders(prepared: PreparedSweep, data: Mapping[str, TrainingData]) -> dict[str, EncoderSummary]:
    """Return what a sweep keeps of each pretrained encoder: the licence on its model card, and its parameters."""
    from sweeper.data.hub_models import read_licence

    return {
        name: EncoderSummary(
            licence=read_licence(folder),
            parameters=sum(math.prod(array.shape) for array in data[name].encoder.weights.values()),
        )
        for name, folder in prepared.encoders.items()
    }


def _join(splits: Sequence[str]) -> str:
    return f"{', '.join(splits[:-1])} and {splits[-1]}" if len(splits) > 1 else splits[0]


def tokenizer_of(prepared: PreparedSweep, encoder: str) -> "Vocabulary | Tokenizer":
    """Return the tokenizer of an encoder: its own, or a vocabulary learned on the training split."""
    if not encoder_kind(encoder).is_pretrained:
        from sweeper.training.vocabulary import Vocabulary

        return Vocabulary(prepared.dataset.splits["train"], prepared.spec.max_words)
    from sweeper.training.tokenizer import Tokenizer

    return Tokenizer(prepared.encoders[encoder], encoder)
