"""The table that is published: rows are systems, columns data sets, and a cell is a mean over fresh seeds.

Pure: `run` gives it what is in the record, `sweeper table` what is in MLflow, and both get the same table. Of several
sweeps of one system and data set the newest is shown, never the best; whatever is not shown, or odd, has a note.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.catalog import DATASETS
from sweeper.tables import notes
from sweeper.tables.cells import Cell, Mark, cells
from sweeper.tables.comparisons import Pair, compared, refuse_other_texts
from sweeper.tables.findings import Answers, Finished
from sweeper.tables.published import SYSTEMS, Figure
from sweeper.tables.systems import System, knobs, names, ordered

__all__ = ["METRICS", "Answers", "Finished", "Row", "Table", "table"]

METRICS = ("accuracy", "macro_f1", "weighted_f1")


@dataclass(frozen=True)
class Row:
    """One system: what it is called by knob, and its cell on each data set, None where there is none.

    `paper` names the paper whose figures the row has; it is empty for our own.
    """

    names: tuple[str, ...]
    cells: tuple[Cell | Figure | None, ...]
    paper: str = ""


@dataclass(frozen=True)
class Table:
    """Scores by system and data set; `signs` are the footnote signs of the marks, `notes` stand below.

    `datasets` are the columns, with what is known of their test splits.
    """

    metric: str
    knobs: tuple[str, ...]
    datasets: Mapping[str, notes.Tested]
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    signs: Mapping[Mark, str]
    notes: tuple[notes.Note, ...]


def table(
    sweeps: Sequence[Finished],
    metric: str = "accuracy",
    *,
    published: bool = False,
    elsewhere: Mapping[str, int] | None = None,
    remarks: Sequence[str] = (),
) -> Table:
    """The table of finished sweeps, by one of METRICS; with `published`, the papers' figures are rows below ours.

    `elsewhere` is how often sweeps that are not in this table opened the test splits, by data set; `remarks` are what
    else a reader must know of where the sweeps come from. Raises UsageError where systems of one data set were tested
    on different texts, RecordError where what a sweep left is damaged or contradicts itself.
    """
    every = [cell for one in sweeps for cell in cells(one, f"test/{metric}")]
    shown, older = _newest(sorted(every, key=lambda cell: (_place(cell.dataset), cell.sweep.sweep)))
    refuse_other_texts(shown)
    systems = ordered(cell.system for cell in shown)
    named, datasets = names(systems), _datasets(every, elsewhere or {})
    pairs: list[Pair] = []
    ours = sorted(shown, key=lambda cell: (_place(cell.dataset), systems.index(cell.system)))
    if metric == "accuracy":
        ours, pairs = compared(ours)
    theirs = _papers(knobs(systems), list(datasets)) if published and metric == "accuracy" else []
    said = [
        *notes.protocol(ours, metric),
        *notes.tests(pairs, metric),
        *notes.looks(datasets),
        *notes.marked(ours, named),
        *notes.not_shown(older, named),
        *(_of_papers(theirs, list(datasets), metric) if published else ()),
        *map(notes.Note, remarks),
    ]
    rows = (*(_row(one, named[one], ours, list(datasets)) for one in systems), *theirs)
    return Table(metric, tuple(knobs(systems)), datasets, rows, tuple(pairs), notes.signs(ours), tuple(said))


def _place(dataset: str) -> tuple[int, str]:
    """What orders the columns: the catalog, then the name."""
    known = list(DATASETS)
    return (known.index(dataset) if dataset in known else len(known)), dataset


def _newest(every: Iterable[Cell]) -> tuple[list[Cell], list[tuple[Cell, list[Cell]]]]:
    """Of each system on each data set the cell of the newest sweep, and those of the others where there are others."""
    found: dict[tuple[str, System], list[Cell]] = {}
    for cell in every:
        found.setdefault((cell.dataset, cell.system), []).append(cell)
    ranked = [sorted(same, key=lambda cell: cell.sweep.newest, reverse=True) for same in found.values()]
    return [first for first, *_ in ranked], [(first, others) for first, *others in ranked if others]


def _datasets(every: Sequence[Cell], elsewhere: Mapping[str, int]) -> dict[str, notes.Tested]:
    """The columns, and the test split of each; all sweeps of a data set count, shown or not."""
    found = {}
    for dataset in sorted({cell.dataset for cell in every}, key=_place):
        sweeps = {id(cell.source): cell.sweep for cell in every if cell.dataset == dataset}
        found[dataset] = notes.tested(list(sweeps.values()), elsewhere.get(dataset, 0))
    return found


def _row(system: System, names: tuple[str, ...], ours: Sequence[Cell], datasets: Sequence[str]) -> Row:
    own = {cell.dataset: cell for cell in ours if cell.system == system}
    return Row(names, tuple(own.get(dataset) for dataset in datasets))


def _papers(knobs: Sequence[str], datasets: Sequence[str]) -> list[Row]:
    """The papers' systems that have a figure for one of the data sets."""
    rest = ("",) * (len(knobs) - 2)
    rows = [
        Row((one.encoder, one.loss, *rest), tuple(one.figures.get(dataset) for dataset in datasets), one.paper)
        for one in SYSTEMS
    ]
    return [row for row in rows if any(row.cells)]


def _of_papers(rows: Sequence[Row], datasets: Sequence[str], metric: str) -> list[notes.Note]:
    if metric != "accuracy":
        return [notes.no_papers(metric)]
    lacking = [dataset for k, dataset in enumerate(datasets) if not any(row.cells[k] for row in rows)]
    return notes.papers(list(dict.fromkeys(row.paper for row in rows)), datasets, lacking)
