"""The columns of the published table: one for each data set, which is a name and the digest of its rows.

Two data sets of one name are two columns, told apart by the digest. Published scores stand beside the whole data set of
the catalog only: a user's own rows under its name, and a part of its rows, are other data sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.data.catalog import CATALOG, DATASETS
from sweeper.protocol.sweep_results import SweepResults

ColumnKey = tuple[str, str]  # name of the data set, digest of its rows
_DIGEST = 8  # characters of a digest that a label shows


@dataclass(frozen=True)
class Column:
    """One data set: its name, the digest of its rows, and its label at the head of the table.

    `source` says where the rows come from. `is_catalog` is True for the rows that the catalog's entry stands for, and
    `is_part` if `limit` took only a part of them.
    """

    name: str
    rows: str
    label: str
    source: str
    is_catalog: bool
    is_part: bool

    @property
    def is_published(self) -> bool:
        """True if papers' scores on a data set of this name are about these rows."""
        return self.is_catalog and not self.is_part

    @property
    def order(self) -> tuple[int, str, str]:
        """The key that orders columns: by place in the catalog, then by name, and the catalog's own rows first."""
        names = list(DATASETS)
        return names.index(self.name) if self.name in names else len(names), self.name, self.label

    @property
    def origin(self) -> str:
        """The origin of the rows in words; empty where the name at the head says it all."""
        if self.is_catalog:
            return f"a part of the rows of {self.name}" if self.is_part else f"the data set {self.name} of the catalog"
        part = "a part of the rows of " if self.is_part else ""
        distinction = f", not the {self.name} of the catalog" if self.name in DATASETS else ""
        return f"{part}{self.source or 'an unknown source'}{distinction}"


def column_key(results: SweepResults) -> ColumnKey:
    """Return what identifies the data set of a sweep."""
    return results.dataset, results.rows


def find_dataset_columns(sweeps: Sequence[SweepResults]) -> dict[ColumnKey, Column]:
    """Return the columns for these sweeps, in the order of the table."""
    first_sweeps: dict[ColumnKey, SweepResults] = {}
    for results in sorted(sweeps, key=lambda results: (results.sweep, results.source)):
        first_sweeps.setdefault(column_key(results), results)
    columns = [_column(results, _label(results, list(first_sweeps.values()))) for results in first_sweeps.values()]
    return {(column.name, column.rows): column for column in sorted(columns, key=lambda column: column.order)}


def _column(results: SweepResults, label: str) -> Column:
    is_catalog, is_part = results.source == CATALOG, bool(results.subsample)
    return Column(results.dataset, results.rows, label, results.source, is_catalog, is_part)


def _label(results: SweepResults, sweeps: Sequence[SweepResults]) -> str:
    """Return the name, followed by the digest where the name alone could mean other rows.

    `sweeps` has one sweep for each column of the table.
    """
    namesakes = [sweep for sweep in sweeps if sweep.dataset == results.dataset]
    complete_catalog = [sweep for sweep in namesakes if sweep.source == CATALOG and not sweep.subsample]
    is_own = results.source != CATALOG and results.dataset in DATASETS
    is_only = [results] in (namesakes, complete_catalog)
    return results.dataset if is_only and not is_own else f"{results.dataset} ({results.rows[:_DIGEST] or 'unknown'})"


def describe_origins(columns: Mapping[ColumnKey, Column]) -> list[str]:
    """Return a sentence for each column whose label has a digest, and for data sets with equal rows."""
    sentences = [f"{column.label}: {column.origin}." for column in columns.values() if column.label != column.name]
    labels: dict[str, list[str]] = {}
    for column in columns.values():
        labels.setdefault(column.rows, []).append(column.label)
    same_rows = [names for rows, names in labels.items() if rows and len(names) > 1]
    return sentences + [f"{' and '.join(names)} have the same rows under different names." for names in same_rows]
