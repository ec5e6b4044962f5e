"""The published table: rows are systems, columns are data sets, and a cell is a mean over fresh seeds.

`sweeper run` builds it for one sweep and `sweeper table` for many. If several sweeps cover a system on a data set, the
one tested last is shown, never the best. Whatever is left out or unusual has a note.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeper.protocol.data_frame import data_frame
from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table import footnotes
from sweeper.reporting.table.bold_note import bold_note
from sweeper.reporting.table.cells import Caveat, TableCell, build_cells
from sweeper.reporting.table.clone_notes import clone_notes
from sweeper.reporting.table.columns import Column, ColumnKey, column_key, find_dataset_columns
from sweeper.reporting.table.comparisons import Comparison, check_same_test_set, compare_systems
from sweeper.reporting.table.learned_from_notes import learned_from_notes
from sweeper.reporting.table.metrics import DEFAULT_METRIC, require_metric, table_metric
from sweeper.reporting.table.published_results import PUBLISHED_METRIC, PUBLISHED_ROWS, PublishedScore
from sweeper.reporting.table.race_notes import race_notes
from sweeper.reporting.table.search_end_notes import search_end_notes
from sweeper.reporting.table.systems import SystemKey, name_rows, order_systems, system_hyperparameters

if TYPE_CHECKING:
    import pandas as pd

Replaced = list[tuple[TableCell, list[TableCell]]]  # cells that are shown, with the older ones that are not


@dataclass(frozen=True)
class TableRow:
    """One system: its names by hyperparameter, and its cell on each data set, None if there is none.

    `paper` names the paper that published the scores of the row. It is empty for our own rows.
    """

    names: tuple[str, ...]
    cells: tuple[TableCell | PublishedScore | None, ...]
    paper: str = ""


@dataclass(frozen=True)
class ResultsTable:
    """Scores by system and data set, by one metric.

    `datasets` are the columns by label, with the use of their test splits; `letters` are the letters of caveats.
    """

    metric: str
    hyperparameters: tuple[str, ...]
    datasets: Mapping[str, footnotes.TestSplitUsage]
    rows: tuple[TableRow, ...]
    comparisons: tuple[Comparison, ...]
    letters: Mapping[Caveat, str]
    notes: tuple[footnotes.Footnote, ...]

    def system_cells(self) -> list[tuple[TableRow, TableCell]]:
        """Return our own cells with their rows, row by row."""
        return [(row, cell) for row in self.rows for cell in row.cells if isinstance(cell, TableCell)]

    def published_scores(self) -> list[tuple[TableRow, str, PublishedScore]]:
        """Return the published scores with their rows and data sets, row by row."""
        return [
            (row, dataset, cell)
            for row in self.rows
            for dataset, cell in zip(self.datasets, row.cells, strict=True)
            if isinstance(cell, PublishedScore)
        ]

    def to_markdown(self, *, detail: bool = False) -> str:
        """Return the table in Markdown, with its notes. With `detail`, settings, cost and runs are below it."""
        from sweeper.reporting.table.render import render

        return render(self, "md", detail=detail)

    def to_pandas(self, *, detail: bool = False) -> "pd.DataFrame":
        """Return one row for each cell, with the columns of the CSV. With `detail`, also cost, setting and runs.

        Scores are shares in [0, 1] where people read percent. Raises UsageError if pandas cannot be imported.
        """
        from sweeper.reporting.table.records import to_records

        columns = ("from", *self.hyperparameters, "dataset", "mean", "sd", "metric", "seeds")
        return data_frame(to_records(self, detail=detail), columns)


def build_table(
    sweeps: Sequence[FinishedSweep],
    metric: str = DEFAULT_METRIC,
    *,
    published: bool = False,
    elsewhere: Mapping[str, int] | None = None,
    remarks: Sequence[str] = (),
) -> ResultsTable:
    """Return the table of finished sweeps by a metric: one of METRICS, or one of a class, such as `f1/joy`.

    With `published`, published scores are rows below ours. `elsewhere` has the number of test accesses by sweeps that
    are not in this table, by the digest of the test split. `remarks` are further notes on where the sweeps come from.

    Raises UsageError for an unknown metric or class, or if sweeps of one data set were tested on different texts;
    RecordError if the results of a sweep are damaged or contradict its predictions.
    """
    require_metric(metric, [label for sweep in sweeps for label in sweep.results.labels])
    columns = find_dataset_columns([sweep.results for sweep in sweeps])
    labels = {key: column.label for key, column in columns.items()}
    order = list(labels.values())
    newest, replaced = _split_newest(_build_all_cells(sweeps, metric, labels))
    check_same_test_set(newest)
    datasets = _dataset_usage(columns, [sweep.results for sweep in sweeps], elsewhere or {})
    systems = order_systems(cell.system for cell in newest)
    cells = sorted(newest, key=lambda cell: (order.index(cell.dataset), systems.index(cell.system)))
    comparisons: list[Comparison] = []
    if table_metric(metric).is_compared:
        cells, comparisons = compare_systems(cells)
    row_names, hyperparameters = name_rows(systems), system_hyperparameters(systems)
    paper_rows = _paper_rows(len(hyperparameters), list(columns.values()), metric) if published else []
    notes = [
        *_own_notes(cells, comparisons, datasets, replaced, row_names, metric),
        *footnotes.origin_notes(columns),
        *(_paper_notes(paper_rows, list(columns.values()), metric) if published else ()),
        *map(footnotes.Footnote, remarks),
    ]
    rows = (*(_system_row(system, row_names[system], cells, list(datasets)) for system in systems), *paper_rows)
    letters = footnotes.footnote_letters(cells)
    return ResultsTable(metric, tuple(hyperparameters), datasets, rows, tuple(comparisons), letters, tuple(notes))


def _build_all_cells(sweeps: Sequence[FinishedSweep], metric: str, labels: Mapping[ColumnKey, str]) -> list[TableCell]:
    """Return the cells of all sweeps by data set, in the order of `labels`, and then by sweep."""
    order = list(labels.values())
    cells = [cell for sweep in sweeps for cell in build_cells(sweep, metric, labels[column_key(sweep.results)])]
    return sorted(cells, key=lambda cell: (order.index(cell.dataset), cell.results.sweep))


def _split_newest(cells: Iterable[TableCell]) -> tuple[list[TableCell], Replaced]:
    """Return the cell of the sweep tested last for each system and data set, and those that have others."""
    groups: dict[tuple[str, SystemKey], list[TableCell]] = {}
    for cell in cells:
        groups.setdefault((cell.dataset, cell.system), []).append(cell)
    ranked = [sorted(group, key=lambda cell: cell.results.last_test_access, reverse=True) for group in groups.values()]
    return [newest for newest, *_ in ranked], [(newest, older) for newest, *older in ranked if older]


def _dataset_usage(
    columns: Mapping[ColumnKey, Column], sweeps: Sequence[SweepResults], elsewhere: Mapping[str, int]
) -> dict[str, footnotes.TestSplitUsage]:
    """Return the use of each column's test split by its label, by all sweeps, shown or not."""
    return {
        column.label: footnotes.test_split_usage(
            column, [results for results in sweeps if column_key(results) == key], sweeps, elsewhere
        )
        for key, column in columns.items()
    }


def _own_notes(
    cells: Sequence[TableCell],
    comparisons: Sequence[Comparison],
    datasets: Mapping[str, footnotes.TestSplitUsage],
    replaced: Replaced,
    row_names: footnotes.RowNames,
    metric: str,
) -> list[footnotes.Footnote]:
    has_test = any(usage.test for usage in datasets.values())
    return [
        *footnotes.protocol_notes(cells, table_metric(metric), datasets),
        *([bold_note(cells, comparisons, table_metric(metric), row_names)] if has_test else []),
        *(footnotes.test_access_notes(datasets) if has_test else []),
        *footnotes.test_warning_notes(datasets),
        *footnotes.caveat_notes(cells, row_names),
        *footnotes.older_sweep_notes(replaced, row_names),
        *search_end_notes(cells),
        *learned_from_notes(cells),
        *clone_notes(cells, row_names),
        *race_notes(cells),
    ]


def _system_row(
    system: SystemKey, names: tuple[str, ...], cells: Sequence[TableCell], datasets: Sequence[str]
) -> TableRow:
    by_dataset = {cell.dataset: cell for cell in cells if cell.system == system}
    return TableRow(names, tuple(by_dataset.get(dataset) for dataset in datasets))


def _paper_rows(num_names: int, columns: Sequence[Column], metric: str) -> list[TableRow]:
    """Return the published rows that have a score for one of the columns."""
    if metric != PUBLISHED_METRIC:
        return []
    padding = ("",) * (num_names - 2)
    rows = [
        TableRow(
            (published.encoder, published.loss, *padding),
            tuple(published.scores.get(column.name) if column.is_published else None for column in columns),
            published.paper,
        )
        for published in PUBLISHED_ROWS
    ]
    return [row for row in rows if any(row.cells)]


def _paper_notes(rows: Sequence[TableRow], columns: Sequence[Column], metric: str) -> list[footnotes.Footnote]:
    if metric != PUBLISHED_METRIC:
        return [footnotes.no_papers_note(table_metric(metric))]
    covered = {column.label for k, column in enumerate(columns) if any(row.cells[k] for row in rows)}
    return footnotes.paper_notes(list(dict.fromkeys(row.paper for row in rows)), columns, covered)
