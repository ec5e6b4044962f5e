"""Before a sweep starts: its data and encoders, fetched once and pinned, then turned into arrays."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeper.catalog import DATASETS
from sweeper.cli.screen import Screen
from sweeper.errors import UsageError
from sweeper.folder import SweepFolder
from sweeper.ports import Rows, TrainingData
from sweeper.spec import SweepSpec


@dataclass(frozen=True)
class Prepared:
    """A spec with what it needs on this machine: rows by split, encoders' folders, and what pins them."""

    spec: SweepSpec
    folder: SweepFolder | None
    rows: Mapping[str, Rows]
    encoders: Mapping[str, Path]
    resolved: Mapping[str, str]


def prepare(
    screen: Screen, spec: SweepSpec, folder: SweepFolder | None, splits: tuple[str, ...] = ("train", "validation")
) -> Prepared:
    """Fetch what a spec needs; where its sweep has begun, exactly what it began with."""
    from sweeper.edges import hub

    pins = folder.frozen.resolved if folder else {}
    with screen.step(f"fetching {spec.dataset}"):
        fetched = hub.rows(DATASETS[spec.dataset], splits, pins.get("dataset"))
    rows = {name: _limited(split, getattr(spec.limit, name, None)) for name, split in fetched.value.items()}
    found = {}
    for name in spec.encoders:
        with screen.step(f"fetching {name}") as far:
            found[name] = hub.encoder(name, pins.get(name), _megabytes(far))
    searched = {name: rows[name] for name in ("train", "validation")}
    resolved = {"dataset": fetched.revision, "rows": hub.digest(searched)} | {n: e.revision for n, e in found.items()}
    if folder is not None:
        _unchanged(folder, pins, resolved)
    return Prepared(spec, folder, rows, {name: encoder.value for name, encoder in found.items()}, resolved)


def _megabytes(far: Callable[[str], None]) -> Callable[[int, int], None]:
    return lambda done, total: far(f"{done / 1e6:.0f} of {total / 1e6:.0f} MB")


def _limited(split: Rows, most: int | None) -> Rows:
    return split if most is None else Rows(split.texts[:most], split.labels[:most])


def _unchanged(folder: SweepFolder, pins: Mapping[str, str], resolved: Mapping[str, str]) -> None:
    changed = [name for name, pin in pins.items() if resolved.get(name) != pin]
    if changed:
        raise UsageError(
            f"{folder.path}: {changed[0]} has changed since this sweep began ({pins[changed[0]][:12]} then, "
            f"{resolved[changed[0]][:12]} now); bring it back, or move the folder away to start anew"
        )


def materialise(screen: Screen, prepared: Prepared, encoders: Iterable[str]) -> dict[str, TrainingData]:
    """Tokens and weights by encoder, as arrays, for these of the spec's encoders."""
    from sweeper.edges.tokens import Tokenizer
    from sweeper.learn import model

    spec = prepared.spec
    data = {}
    for name in encoders:
        place = prepared.encoders[name]
        with screen.step(f"tokenising {spec.dataset} and loading the weights of {name}"):
            tokenizer = Tokenizer(place, name)
            splits = {split: tokenizer.split(rows, spec.most_tokens) for split, rows in prepared.rows.items()}
            encoder = model.pretrained(place, name, tokenizer.padding)
            data[name] = TrainingData(DATASETS[spec.dataset].labels, encoder, splits)
    return data
