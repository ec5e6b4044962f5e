"""Data sets on the Hugging Face hub, and those that ship with sweeper, as tables. Loading scripts are never run.

`datasets` takes a second to import, so it is imported only for data sets on the hub.
"""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import constants, is_offline_mode

from sweeper.data.catalog import PARQUET_REVISION
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.hub import Pinned, hub_error, resolve_commit
from sweeper.data.rows import Column, RawTable
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint

_PACKAGE_PREFIX = "package:"


def load_tables(dataset: DatasetSpec, revision: str | None = None) -> Pinned:
    """Return the tables of a data set by our names of its splits, pinned to its commit.

    `revision` overrides that of the data set. Raises UnavailableError if the data set cannot be loaded, or lacks
    a required split.
    """
    if dataset.repository.startswith(_PACKAGE_PREFIX):
        return Pinned({name: _read_shipped(dataset, split) for name, split in dataset.splits.items()}, "shipped")
    commit = resolve_commit(constants.REPO_TYPE_DATASET, dataset.repository, revision or dataset.revision)
    loaded = _load_from_hub(dataset, commit)
    required = _required_splits(dataset)
    hub_splits = {name: split for name, split in dataset.splits.items() if split in loaded or name in required}
    return Pinned({name: _to_table(dataset, split, loaded) for name, split in hub_splits.items()}, commit)


def _required_splits(dataset: DatasetSpec) -> Collection[str]:
    """Return the splits that must exist: all of a data set in the catalog, the training split of a user's own."""
    return dataset.splits if dataset.classes else ("train",)


def _read_shipped(dataset: DatasetSpec, split: str) -> RawTable:
    """Return a split of a data set that ships in sweeper/data."""
    path = Path(__file__).parent / dataset.repository.removeprefix(_PACKAGE_PREFIX) / f"{split}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return RawTable(
        name=f"{dataset.repository} {split}",
        columns=tuple(rows[0]),
        values={column: [row[column] for row in rows] for column in dict.fromkeys(dataset.columns)},
        size=len(rows),
        place=lambda index: f"{dataset.repository}: {split}: row {index + 1}",
    )


def _load_from_hub(dataset: DatasetSpec, commit: str) -> Any:
    import datasets

    datasets.disable_progress_bars()
    datasets.config.HF_HUB_OFFLINE = is_offline_mode()
    data_files = None
    if dataset.classes and dataset.revision == PARQUET_REVISION:
        # The files are CONFIG/SPLIT/0000.parquet. By default, `datasets` would join test_food and test_films.
        data_files = {split: f"{dataset.config or '*'}/{split}/*.parquet" for split in dataset.splits.values()}
    try:
        config = None if data_files else dataset.config
        return datasets.load_dataset(dataset.repository, config, revision=commit, data_files=data_files)
    except Exception as error:
        raise hub_error(f"data set {dataset.name}", dataset.repository, error) from error


def _to_table(dataset: DatasetSpec, split: str, loaded: Any) -> RawTable:
    if split not in loaded:
        raise UnavailableError(f"{dataset.repository}: needs a split {split}, {allowed_hint(list(loaded), split)}")
    table = loaded[split]
    columns = [column for column in dict.fromkeys(dataset.columns) if column in table.column_names]
    return RawTable(
        name=f"{dataset.repository} {split}",
        columns=tuple(table.column_names),
        values=_to_columns(dataset, table, columns),
        size=len(table),
        place=lambda index: f"{dataset.repository}: {split}: row {index + 1}",
    )


def _to_columns(dataset: DatasetSpec, table: Any, columns: Sequence[str]) -> dict[str, Column]:
    """Return the columns. Class numbers become the hub's class names if the catalog has no names."""
    import datasets

    arrays = table.select_columns(list(columns)).with_format("arrow")[:]
    values: dict[str, Column] = {column: arrays.column(column) for column in columns}
    feature = table.features.get(dataset.label)
    if isinstance(feature, datasets.ClassLabel) and not dataset.classes:
        numbers = values[dataset.label].to_pylist()
        values[dataset.label] = [
            None if number is None or number < 0 else feature.int2str(number) for number in numbers
        ]
    elif isinstance(names := getattr(feature, "feature", None), datasets.ClassLabel) and not dataset.classes:
        lists = values[dataset.label].to_pylist()
        values[dataset.label] = [None if numbers is None else names.int2str(numbers) for numbers in lists]
    return values
