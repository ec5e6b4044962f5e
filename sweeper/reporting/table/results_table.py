"""The table that is published: rows are systems, columns data sets, and a cell is a mean over fresh seeds.

Pure: `run` gives it what is in the record, `sweeper table` what is in MLflow, and both get the same table. Of several
sweeps of one system and data set the newest is shown, never the best; whatever is not shown, or odd, has a note.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.data.catalog import DATASETS
from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.reporting.table import footnotes
from sweeper.reporting.table.cells import Caveat, TableCell, build_cells
from sweeper.reporting.table.comparisons import Comparison, check_same_test_set, compare_systems
from sweeper.reporting.table.published_results import PUBLISHED_ROWS, PublishedScore
from sweeper.reporting.table.systems import SystemKey, names, order_systems, system_hyperparameters

__all__ = ["METRICS", "FinishedSweep", "ResultsTable", "TableRow", "TestPredictions", "build_table"]

METRICS = ("accuracy", "macro_f1", "weighted_f1")


@dataclass(frozen=True)
class TableRow:
    """One system: what it is called by knob, and its cell on each data set, None where there is none.

    `paper` names the paper whose figures the row has; it is empty for our own.
    """

    names: tuple[str, ...]
    cells: tuple[TableCell | PublishedScore | None, ...]
    paper: str = ""


@dataclass(frozen=True)
class ResultsTable:
    """Scores by system and data set; `signs` are the footnote signs of the marks, `notes` stand below.

    `datasets` are the columns, with what is known of their test splits.
    """

    metric: str
    hyperparameters: tuple[str, ...]
    datasets: Mapping[str, footnotes.TestSplitUsage]
    rows: tuple[TableRow, ...]
    pairs: tuple[Comparison, ...]
    signs: Mapping[Caveat, str]
    notes: tuple[footnotes.Footnote, ...]


def build_table(
    sweeps: Sequence[FinishedSweep],
    metric: str = "accuracy",
    *,
    published: bool = False,
    elsewhere: Mapping[str, int] | None = None,
    remarks: Sequence[str] = (),
) -> ResultsTable:
    """The table of finished sweeps, by one of METRICS; with `published`, the papers' figures are rows below ours.

    `elsewhere` is how often sweeps that are not in this table opened the test splits, by data set; `remarks` are what
    else a reader must know of where the sweeps come from. Raises UsageError where systems of one data set were tested
    on different texts, RecordError where what a sweep left is damaged or contradicts itself.
    """
    every = [cell for one in sweeps for cell in build_cells(one, f"test/{metric}")]
    shown, older = _newest(sorted(every, key=lambda cell: (_place(cell.dataset), cell.sweep.sweep)))
    check_same_test_set(shown)
    systems = order_systems(cell.system for cell in shown)
    named, datasets = names(systems), _datasets(every, elsewhere or {})
    pairs: list[Comparison] = []
    ours = sorted(shown, key=lambda cell: (_place(cell.dataset), systems.index(cell.system)))
    if metric == "accuracy":
        ours, pairs = compare_systems(ours)
    theirs = _papers(system_hyperparameters(systems), list(datasets)) if published and metric == "accuracy" else []
    said = [
        *footnotes.protocol(ours, metric),
        *footnotes.tests(pairs, metric),
        *footnotes.test_access_notes(datasets),
        *footnotes.caveat_notes(ours, named),
        *footnotes.not_shown(older, named),
        *(_of_papers(theirs, list(datasets), metric) if published else ()),
        *map(footnotes.Footnote, remarks),
    ]
    rows = (*(_row(one, named[one], ours, list(datasets)) for one in systems), *theirs)
    return ResultsTable(
        metric,
        tuple(system_hyperparameters(systems)),
        datasets,
        rows,
        tuple(pairs),
        footnotes.footnote_letters(ours),
        tuple(said),
    )


def _place(dataset: str) -> tuple[int, str]:
    """What orders the columns: the catalog, then the name."""
    known = list(DATASETS)
    return (known.index(dataset) if dataset in known else len(known)), dataset


def _newest(every: Iterable[TableCell]) -> tuple[list[TableCell], list[tuple[TableCell, list[TableCell]]]]:
    """Of each system on each data set the cell of the newest sweep, and those of the others where there are others."""
    found: dict[tuple[str, SystemKey], list[TableCell]] = {}
    for cell in every:
        found.setdefault((cell.dataset, cell.system), []).append(cell)
    ranked = [sorted(same, key=lambda cell: cell.sweep.last_test_access, reverse=True) for same in found.values()]
    return [first for first, *_ in ranked], [(first, others) for first, *others in ranked if others]


def _datasets(every: Sequence[TableCell], elsewhere: Mapping[str, int]) -> dict[str, footnotes.TestSplitUsage]:
    """The columns, and the test split of each; all sweeps of a data set count, shown or not."""
    found = {}
    for dataset in sorted({cell.dataset for cell in every}, key=_place):
        sweeps = {id(cell.source): cell.sweep for cell in every if cell.dataset == dataset}
        found[dataset] = footnotes.test_split_usage(list(sweeps.values()), elsewhere.get(dataset, 0))
    return found


def _row(system: SystemKey, names: tuple[str, ...], ours: Sequence[TableCell], datasets: Sequence[str]) -> TableRow:
    own = {cell.dataset: cell for cell in ours if cell.system == system}
    return TableRow(names, tuple(own.get(dataset) for dataset in datasets))


def _papers(hyperparameters: Sequence[str], datasets: Sequence[str]) -> list[TableRow]:
    """The papers' systems that have a figure for one of the data sets."""
    rest = ("",) * (len(hyperparameters) - 2)
    rows = [
        TableRow((one.encoder, one.loss, *rest), tuple(one.scores.get(dataset) for dataset in datasets), one.paper)
        for one in PUBLISHED_ROWS
    ]
    return [row for row in rows if any(row.cells)]


def _of_papers(rows: Sequence[TableRow], datasets: Sequence[str], metric: str) -> list[footnotes.Footnote]:
    if metric != "accuracy":
        return [footnotes.no_papers(metric)]
    lacking = [dataset for k, dataset in enumerate(datasets) if not any(row.cells[k] for row in rows)]
    return footnotes.papers(list(dict.fromkeys(row.paper for row in rows)), datasets, lacking)
