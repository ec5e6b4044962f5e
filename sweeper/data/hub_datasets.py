"""The datasets library: a data set of the hub, or one that ships with sweeper, as tables. No loading script is run."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import datasets
from huggingface_hub import constants

from sweeper.data import hub
from sweeper.data.catalog import PARQUET_REVISION, DatasetSpec
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint

_PACKAGE = "package:"


def load_tables(dataset: DatasetSpec, revision: str | None = None) -> hub.Pinned:
    """Every split that the catalog names, by our names, and the data set's commit; `revision` pins it to another one.

    Raises UnavailableError where it cannot be had, or is not what the catalog says of it.
    """
    datasets.disable_progress_bars()
    if dataset.repository.startswith(_PACKAGE):
        loaded, commit = _shipped(dataset.repository.removeprefix(_PACKAGE)), "shipped"
    else:
        commit = hub.resolve_commit("dataset", dataset.repository, revision or dataset.revision)
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE
        loaded = _loaded(dataset, commit)
    there = {name: split for name, split in dataset.splits.items() if split in loaded or name in _needed(dataset)}
    return hub.Pinned({name: _table(dataset, split, loaded) for name, split in there.items()}, commit)


def _needed(dataset: DatasetSpec) -> Iterable[str]:
    """The splits that must be there: those that the catalog promises; of a user's own, the training split."""
    return dataset.splits if dataset.classes else ("train",)


def _shipped(folder: str) -> dict[str, Any]:
    """A data set of the package itself, by split."""
    place = Path(__file__).parent / folder
    lines = {path.stem: path.read_text(encoding="utf-8").splitlines() for path in place.glob("*.jsonl")}
    return {split: datasets.Dataset.from_list([json.loads(line) for line in rows]) for split, rows in lines.items()}


def _loaded(dataset: DatasetSpec, commit: str) -> Any:
    files = None
    if dataset.classes and dataset.revision == PARQUET_REVISION:
        # CONFIG/SPLIT/0000.parquet; left alone, test_food and test_films would become one split
        files = {there: f"{dataset.config or '*'}/{there}/*.parquet" for there in dataset.splits.values()}
    try:
        config = None if files else dataset.config
        return datasets.load_dataset(dataset.repository, config, revision=commit, data_files=files)
    except Exception as error:
        raise hub.hub_error(f"data set {dataset.name}", dataset.repository, error) from error


def _table(dataset: DatasetSpec, there: str, loaded: Any) -> RawTable:
    if there not in loaded:
        raise UnavailableError(f"{dataset.repository}: needs a split {there}, {allowed_hint(list(loaded), there)}")
    table = loaded[there]
    present = [column for column in dict.fromkeys(dataset.columns) if column in table.column_names]
    return RawTable(
        f"{dataset.repository} {there}",
        tuple(table.column_names),
        [(f"{dataset.repository}: {there}: row {k + 1}", row) for k, row in enumerate(_plain(dataset, table, present))],
    )


def _plain(dataset: DatasetSpec, table: Any, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of these columns as plain values; class numbers as names where the catalog has none."""
    rows: list[dict[str, Any]] = table.select_columns(list(columns)).to_list()
    feature = table.features.get(dataset.label)
    if isinstance(feature, datasets.ClassLabel) and not dataset.classes:
        for row in rows:
            number = row[dataset.label]
            row[dataset.label] = None if number is None or number < 0 else feature.int2str(number)
    return rows
