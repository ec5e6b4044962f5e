"""The published table: rows are systems, columns are data sets, and a cell is a mean over fresh seeds.

`sweeper run` builds it from the record and `sweeper table` from MLflow, with the same result. If several sweeps cover a
system on a data set, the newest is shown, never the best. Whatever is left out or unusual has a note.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.data.catalog import DATASETS
from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.reporting.table import footnotes
from sweeper.reporting.table.cells import Caveat, TableCell, build_cells
from sweeper.reporting.table.comparisons import Comparison, check_same_test_set, compare_systems
from sweeper.reporting.table.metrics import DEFAULT_METRIC, METRICS
from sweeper.reporting.table.published_results import PUBLISHED_METRIC, PUBLISHED_ROWS, PublishedScore
from sweeper.reporting.table.systems import SystemKey, name_rows, order_systems, system_hyperparameters

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
    """Scores by system and data set, by one of METRICS.

    `datasets` are the columns, with the use of their test splits; `letters` are the footnote letters of caveats.
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


def build_table(
    sweeps: Sequence[FinishedSweep],
    metric: str = DEFAULT_METRIC,
    *,
    published: bool = False,
    elsewhere: Mapping[str, int] | None = None,
    remarks: Sequence[str] = (),
) -> ResultsTable:
    """Return the table of finished sweeps by one of METRICS.

    With `published`, published scores are rows below ours. `elsewhere` has the number of test accesses by sweeps that
    are not in this table, by data set. `remarks` are further notes about where the sweeps come from.

    Raises UsageError if sweeps of one data set were tested on different texts, RecordError if the results of a sweep
    are damaged or contradict its predictions.
    """
    every_cell = [cell for sweep in sweeps for cell in build_cells(sweep, METRICS[metric].key)]
    every_cell.sort(key=lambda cell: (_dataset_order(cell.dataset), cell.results.sweep))
    newest, replaced = _split_newest(every_cell)
    check_same_test_set(newest)
    systems, datasets = order_systems(cell.system for cell in newest), _dataset_usage(every_cell, elsewhere or {})
    cells = sorted(newest, key=lambda cell: (_dataset_order(cell.dataset), systems.index(cell.system)))
    comparisons: list[Comparison] = []
    if METRICS[metric].is_compared:
        cells, comparisons = compare_systems(cells)
    row_names, hyperparameters = name_rows(systems), system_hyperparameters(systems)
    paper_rows = _paper_rows(len(hyperparameters), list(datasets), metric) if published else []
    notes = [
        *_own_notes(cells, comparisons, datasets, replaced, row_names, metric),
        *(_paper_notes(paper_rows, list(datasets), metric) if published else ()),
        *map(footnotes.Footnote, remarks),
    ]
    rows = (*(_system_row(system, row_names[system], cells, list(datasets)) for system in systems), *paper_rows)
    letters = footnotes.footnote_letters(cells)
    return ResultsTable(metric, tuple(hyperparameters), datasets, rows, tuple(comparisons), letters, tuple(notes))


def _dataset_order(dataset: str) -> tuple[int, str]:
    """Return the key that orders the columns: by place in the catalog, then by name."""
    known = list(DATASETS)
    return (known.index(dataset) if dataset in known else len(known)), dataset


def _split_newest(cells: Iterable[TableCell]) -> tuple[list[TableCell], Replaced]:
    """Return the cell of the newest sweep for each system and data set, and those that have older ones."""
    groups: dict[tuple[str, SystemKey], list[TableCell]] = {}
    for cell in cells:
        groups.setdefault((cell.dataset, cell.system), []).append(cell)
    ranked = [sorted(group, key=lambda cell: cell.results.last_test_access, reverse=True) for group in groups.values()]
    return [newest for newest, *_ in ranked], [(newest, older) for newest, *older in ranked if older]


def _dataset_usage(cells: Sequence[TableCell], elsewhere: Mapping[str, int]) -> dict[str, footnotes.TestSplitUsage]:
    """Return the use of each data set's test split, by all its sweeps, shown or not."""
    usage = {}
    for dataset in sorted({cell.dataset for cell in cells}, key=_dataset_order):
        sweeps = {id(cell.source): cell.results for cell in cells if cell.dataset == dataset}
        usage[dataset] = footnotes.test_split_usage(list(sweeps.values()), elsewhere.get(dataset, 0))
    return usage


def _own_notes(
    cells: Sequence[TableCell],
    comparisons: Sequence[Comparison],
    datasets: Mapping[str, footnotes.TestSplitUsage],
    replaced: Replaced,
    row_names: footnotes.RowNames,
    metric: str,
) -> list[footnotes.Footnote]:
    return [
        *footnotes.protocol_notes(cells, METRICS[metric]),
        footnotes.comparison_note(cells, comparisons, METRICS[metric]),
        *footnotes.test_access_notes(datasets),
        *footnotes.caveat_notes(cells, row_names),
        *footnotes.older_sweep_notes(replaced, row_names),
    ]


def _system_row(
    system: SystemKey, names: tuple[str, ...], cells: Sequence[TableCell], datasets: Sequence[str]
) -> TableRow:
    by_dataset = {cell.dataset: cell for cell in cells if cell.system == system}
    return TableRow(names, tuple(by_dataset.get(dataset) for dataset in datasets))


def _paper_rows(num_names: int, datasets: Sequence[str], metric: str) -> list[TableRow]:
    """Return the published rows that have a score for one of the data sets."""
    if metric != PUBLISHED_METRIC:
        return []
    padding = ("",) * (num_names - 2)
    rows = [
        TableRow(
            (published.encoder, published.loss, *padding),
            tuple(published.scores.get(dataset) for dataset in datasets),
            published.paper,
        )
        for published in PUBLISHED_ROWS
    ]
    return [row for row in rows if any(row.cells)]


def _paper_notes(rows: Sequence[TableRow], datasets: Sequence[str], metric: str) -> list[footnotes.Footnote]:
    if metric != PUBLISHED_METRIC:
        return [footnotes.no_papers_note(METRICS[metric])]
    uncovered = [dataset for k, dataset in enumerate(datasets) if not any(row.cells[k] for row in rows)]
    return footnotes.paper_notes(list(dict.fromkeys(row.paper for row in rows)), datasets, uncovered)
