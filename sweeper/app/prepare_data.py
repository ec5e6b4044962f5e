"""Before a sweep starts: its data and encoders, fetched once and pinned, then turned into arrays."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.data.preprocessing import PreparedDataset, content_digest
from sweeper.errors import UsageError
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.output import Output
from sweeper.training.registry import encoder_kind
from sweeper.training.types import EncoderWeights, TrainingData

if TYPE_CHECKING:
    from sweeper.training.tokenizer import Tokenizer
    from sweeper.training.vocabulary import Vocabulary

Step = Callable[[str], AbstractContextManager[Any]]
SEARCHED = ("train", "validation")  # all that a search may see


@dataclass(frozen=True)
class PreparedSweep:
    """A spec with what it needs on this machine: rows by split, encoders' folders, and what pins them."""

    spec: SweepSpec
    folder: SweepFolder | None
    dataset: PreparedDataset
    encoders: Mapping[str, Path]
    resolved: Mapping[str, str]


def prepare_sweep(output: Output, spec: SweepSpec, folder: SweepFolder | None) -> PreparedSweep:
    """Fetch what a spec needs; where its sweep has begun, exactly what it began with."""
    from sweeper.data import hub

    pins = folder.manifest.resolved if folder else {}
    with output.step(f"fetching {spec.dataset_spec.name}"):
        corpus, revision = _corpus(spec, pins.get("dataset"))
    found = {}
    for name in (name for name in spec.encoders if encoder_kind(name).is_pretrained):
        with output.step(f"fetching {name}") as far:
            found[name] = hub.fetch_encoder(name, pins.get(name), _megabytes(far))
    resolved = {"dataset": revision, "rows": content_digest(corpus)} | {name: e.revision for name, e in found.items()}
    if folder is not None:
        _unchanged(folder, pins, resolved)
    return PreparedSweep(spec, folder, corpus, {name: encoder.value for name, encoder in found.items()}, resolved)


def _corpus(spec: SweepSpec, pin: str | None) -> tuple[PreparedDataset, str]:
    """The rows that a spec uses, and the commit that they came from."""
    from sweeper.data import preprocessing

    if spec.dataset_spec.files:
        from sweeper.data import local_files

        tables, revision = local_files.read_tables(spec.dataset_spec.files), "files"
    else:
        from sweeper.data import hub_datasets

        tables, revision = hub_datasets.load_tables(spec.dataset_spec, pin)
    corpus = preprocessing.prepare(spec.dataset_spec, tables, spec.on_bad_rows)
    if corpus.splits["train"].pairs is not None and len(spec.values_of("max_length")) > 1:
        raise UsageError("max_length: cannot vary where a text is a pair, for both are cut alike; give it one value")
    parts = {
        n: preprocessing.stratified_subset(rows, getattr(spec.limit, n, None)) for n, rows in corpus.splits.items()
    }
    return PreparedDataset(parts, corpus.labels, corpus.notes), revision


def _megabytes(far: Callable[[str], None]) -> Callable[[int, int], None]:
    return lambda done, total: far(f"{done / 1e6:.0f} of {total / 1e6:.0f} MB")


def _unchanged(folder: SweepFolder, pins: Mapping[str, str], resolved: Mapping[str, str]) -> None:
    changed = [name for name, pin in pins.items() if resolved.get(name) != pin]
    if changed:
        raise UsageError(
            f"{folder.path}: {changed[0]} has changed since this sweep began ({pins[changed[0]][:12]} then, "
            f"{resolved[changed[0]][:12]} now); bring it back, or move the folder away to start anew"
        )


def load_training_data(
    prepared: PreparedSweep, encoders: Iterable[str], splits: Sequence[str] = SEARCHED, *, step: Step
) -> dict[str, TrainingData]:
    """Tokens and weights by encoder, as arrays, for these of the spec's encoders; `step` frames what takes a while."""
    from sweeper.training import model

    spec, corpus = prepared.spec, prepared.dataset
    data = {}
    for name in encoders:
        with step(f"tokenising {_named(splits)} of {spec.dataset_spec.name} and loading the weights of {name}"):
            tokenizer = tokenizer_of(prepared, name)
            tokens = {split: tokenizer.tokenize_split(corpus.splits[split], spec.max_tokens) for split in splits}
            if not encoder_kind(name).is_pretrained:
                encoder = EncoderWeights(name, {}, {}, tokenizer.padding)
            else:
                encoder = model.load_pretrained(prepared.encoders[name], name, tokenizer.padding)
                _fits(spec, encoder, len(corpus.labels), tokenizer.max_tokens)
            data[name] = TrainingData(corpus.labels, encoder, tokens)
    return data


def _named(splits: Sequence[str]) -> str:
    return f"{', '.join(splits[:-1])} and {splits[-1]}" if len(splits) > 1 else splits[0]


def _fits(spec: SweepSpec, encoder: EncoderWeights, classes: int, longest: int) -> None:
    """Refuse what no trial could do: texts longer than the encoder's positions, a classifier larger than memory."""
    from sweeper.training import model

    if spec.max_tokens > longest:
        raise UsageError(f"max_length: {encoder.name} takes {longest} tokens at most, got {spec.max_tokens}")
    shapes = ("pooling", "classifier", "max_length")
    for system in spec.systems:
        for setting in spec.space.enumerate_settings(shapes, system):
            config = spec.train_config({"encoder": encoder.name, **system, **setting}, seed=0, threads=1)
            model.check_size(config.pooling, config.classifier, encoder.width, config.max_length, classes)


def tokenizer_of(prepared: PreparedSweep, name: str) -> "Vocabulary | Tokenizer":
    """What makes token numbers for an encoder: its own tokenizer, or words learned on the training split."""
    if not encoder_kind(name).is_pretrained:
        from sweeper.training.vocabulary import Vocabulary

        return Vocabulary(prepared.dataset.splits["train"], prepared.spec.max_words)
    from sweeper.training.tokenizer import Tokenizer

    return Tokenizer(prepared.encoders[name], name)
