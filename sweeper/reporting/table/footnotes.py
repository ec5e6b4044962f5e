"""The notes below the published table: how its scores came about, and what is unusual about single cells."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sweeper.data.dataset_spec import Task
from sweeper.protocol.sweep_results import SweepResults, TestSplitInfo
from sweeper.reporting.table.cells import Caveat, TableCell
from sweeper.reporting.table.columns import Column, ColumnKey, describe_origins
from sweeper.reporting.table.metrics import DEFAULT_METRIC, METRICS, TableMetric
from sweeper.reporting.table.published_results import PAPERS, REMARKS
from sweeper.reporting.table.systems import SystemKey

RowNames = Mapping[SystemKey, tuple[str, ...]]


@dataclass(frozen=True)
class Footnote:
    """A note below the table. `letter` marks the cells that it is about; it is empty for a general note.

    `brief` is what the screen shows of it at the end of a run: None for the whole text, empty for nothing.
    """

    text: str
    letter: str = ""
    brief: str | None = None

    @property
    def screen_text(self) -> str:
        """The note as the screen shows it; empty if it does not."""
        return self.text if self.brief is None else self.brief


@dataclass(frozen=True)
class TestSplitUsage:
    """The data set of a column, its test split, and how often that was accessed.

    Of the `num_sweeps` sweeps of the column, `num_accessing` accessed it. The accesses are those by the sweeps of this
    column, by sweeps of other columns whose test texts are the same, and by sweeps that are not in this table.
    """

    column: Column
    test: TestSplitInfo | None
    num_classes: int
    num_sweeps: int
    num_accessing: int
    test_accesses: int
    test_accesses_in_other_columns: int
    test_accesses_elsewhere: int
    warnings: Sequence[str] = ()


def test_split_usage(
    column: Column, sweeps: Sequence[SweepResults], all_sweeps: Sequence[SweepResults], elsewhere: Mapping[str, int]
) -> TestSplitUsage:
    """Return how the test split of a column was used.

    `sweeps` are those of the column, `all_sweeps` those of the table, and `elsewhere` has the number of test accesses
    by other sweeps, by the digest of the test split.
    """
    test = next((results.test_split for results in sweeps if results.test_split), None)
    accesses = sum(len(results.test_accesses) for results in sweeps)
    same_texts = sum(len(results.test_accesses) for results in all_sweeps if test and results.test_split == test)
    in_other_columns = same_texts - accesses if test else 0
    outside_table = elsewhere.get(test.digest, 0) if test else 0
    warnings = tuple(dict.fromkeys(warning for results in sweeps for warning in results.test_warnings))
    accessing = sum(bool(results.test_accesses) for results in sweeps)
    classes = len(sweeps[0].labels)
    return TestSplitUsage(
        column, test, classes, len(sweeps), accessing, accesses, in_other_columns, outside_table, warnings
    )


def footnote_letters(cells: Sequence[TableCell]) -> dict[Caveat, str]:
    """Return a letter for each caveat that some cell has."""
    used = [caveat for caveat in Caveat if any(caveat in cell.caveats for cell in cells)]
    return dict(zip(used, "abcdefghij", strict=False))


def protocol_notes(
    cells: Sequence[TableCell], metric: TableMetric, usage: Mapping[str, TestSplitUsage]
) -> list[Footnote]:
    """Return the notes that say what a cell shows and how its setting was chosen."""
    objectives = " or ".join(dict.fromkeys(cell.results.objective for cell in cells))
    chosen = f"Settings were chosen on the validation split ({objectives})"
    is_confirmed = any(cell.seeds for cell in cells)
    if not any(cell.results.test_split for cell in cells):
        again = " and trained again with fresh seeds, which validation scored again" if is_confirmed else ""
        text = f"Without a test split there is no test score. {chosen}{again}."
        return [Footnote(text, brief="Without a test split there is no test score.")]
    scored = (
        "Only these models were scored on the test split, once each"
        if _are_tested_once(cells, usage.values())
        else "Not only these models were scored on the test split, or not only once; every test access is counted below"
    )
    return [
        Footnote(
            f"Each cell: mean ± standard deviation of test {metric.heading} over fresh seeds; in brackets, the "
            "number of seeds and of search trials. “–” alone: no finished sweep covers this system.",
            brief=f"Test {metric.heading}: mean ± standard deviation (fresh seeds; search trials).",
        ),
        *_metric_note(metric, {cell.results.task for cell in cells}),
        Footnote(
            f"{chosen} and trained again with fresh seeds. {scored}."
            if is_confirmed
            else f"{chosen}; none was trained again with fresh seeds.",
            brief="",
        ),
    ]


def _metric_note(metric: TableMetric, tasks: AbstractSet[Task]) -> list[Footnote]:
    """Return what a metric other than accuracy is. Its description begins with a capital, which may be a name's."""
    if metric is METRICS[DEFAULT_METRIC]:
        return []
    direction = "" if metric.sign > 0 else " Lower is better."
    label = metric.label[0].upper() + metric.label[1:]
    return [Footnote(f"{label}: {metric.describe(tasks)}{direction}")]


def _are_tested_once(cells: Sequence[TableCell], usage: Iterable[TestSplitUsage]) -> bool:
    """Return True if each test access was the only one of a model whose score a cell shows.

    `usage` counts those by sweeps of which no cell is shown too.
    """
    sweeps = {id(cell.results): cell.results for cell in cells}
    shown_trials = {(id(cell.results), trial) for cell in cells for trial in cell.tested_trials}
    accesses = [(key, access.trial) for key, results in sweeps.items() for access in results.test_accesses]
    total = sum(split.test_accesses + split.test_accesses_elsewhere for split in usage)
    return total == len(accesses) == len(set(accesses)) and shown_trials.issuperset(accesses)


def test_access_notes(usage: Mapping[str, TestSplitUsage]) -> list[Footnote]:
    """Return a note for each data set that says how often its test split was accessed."""
    return [
        Footnote(_describe_usage(dataset, split), brief=_describe_usage_briefly(dataset, split))
        for dataset, split in usage.items()
    ]


def test_warning_notes(usage: Mapping[str, TestSplitUsage]) -> list[Footnote]:
    """Return a note for each thing about a test split that readers of its scores must know."""
    return [Footnote(f"{dataset}: {warning}.") for dataset, split in usage.items() for warning in split.warnings]


def _describe_usage_briefly(dataset: str, usage: TestSplitUsage) -> str | None:
    """Return the sizes and the number of test accesses; None if sweeps elsewhere, or no test split, need more words."""
    if usage.test is None or usage.test_accesses_elsewhere or usage.test_accesses_in_other_columns:
        return None
    accesses = f"{usage.test_accesses:,} test access{'' if usage.test_accesses == 1 else 'es'}"
    return f"{dataset}: {usage.test.texts:,} test texts, {usage.num_classes} classes, {accesses}."


def _describe_usage(dataset: str, usage: TestSplitUsage) -> str:
    if usage.test is None:
        return f"{dataset} has no test split."
    in_other_columns, elsewhere = usage.test_accesses_in_other_columns, usage.test_accesses_elsewhere
    further = f", and {_times(in_other_columns)} by sweeps of other columns" if in_other_columns else ""
    further += f", and {_times(elsewhere)} by sweeps that are not in this table" if elsewhere else ""
    sweeps = "1 sweep" if usage.num_accessing == 1 else f"{usage.num_accessing:,} sweeps"
    accessed = f"{_times(usage.test_accesses)} by {sweeps}" if usage.test_accesses else "by no sweep here"
    return (
        f"{dataset}: {usage.test.texts:,} test texts in {usage.num_classes} classes; the test split was accessed "
        f"{accessed}{further}."
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def caveat_notes(cells: Sequence[TableCell], row_names: RowNames) -> list[Footnote]:
    """Return a note for each letter: its caveat, and the cells that have it."""
    datasets = dict.fromkeys(cell.dataset for cell in cells)
    columns = {dataset: [cell for cell in cells if cell.dataset == dataset] for dataset in datasets}
    notes = []
    for caveat, letter in footnote_letters(cells).items():
        affected = [text for column in columns.values() for text in _affected(caveat, column, row_names)]
        extents = {cell.caveats[caveat] for cell in cells if caveat in cell.caveats}
        extent = f" ({extents.pop()})" if len(extents) == 1 and "" not in extents else ""
        brief = None if caveat == Caveat.UNTESTED else f"{caveat.value}{extent}."
        notes.append(Footnote(f"{caveat.value}: {'; '.join(affected)}.", letter, brief))
    return notes


def _affected(caveat: Caveat, column: Sequence[TableCell], row_names: RowNames) -> list[str]:
    """Return the cells of a column that have a caveat; a single text if it applies to all of them alike."""
    extents = {describe_cell(cell, row_names): cell.caveats[caveat] for cell in column if caveat in cell.caveats}
    if len(extents) == len(column) > 1 and len(set(extents.values())) == 1:
        extents = {f"all of {column[0].dataset}": column[0].caveats[caveat]}
    return [f"{name} ({extent})" if extent else name for name, extent in extents.items()]


def older_sweep_notes(replaced: Sequence[tuple[TableCell, Sequence[TableCell]]], row_names: RowNames) -> list[Footnote]:
    """Return the notes about systems that several sweeps cover. `replaced` are cells shown with those not shown."""
    grouped: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for cell, older_cells in replaced:
        sweep = cell.results.sweep
        older_sweeps = tuple(_name_older(older.results.sweep, sweep) for older in older_cells)
        reason = _why_shown(cell.results, [older.results for older in older_cells])
        grouped.setdefault((sweep, reason, older_sweeps), []).append(describe_cell(cell, row_names))
    return [
        Footnote(f"{'; '.join(cells)}: from {sweep}{reason}; not shown: {', '.join(older_sweeps)}.")
        for (sweep, reason, older_sweeps), cells in grouped.items()
    ]


def _why_shown(shown_sweep: SweepResults, older_sweeps: Sequence[SweepResults]) -> str:
    """Return what sets a shown sweep apart, by the rule of `last_test_access`; "" for two copies of one sweep."""
    at, name = shown_sweep.last_test_access
    if at > max(older.last_test_access[0] for older in older_sweeps):
        return ", the one tested last"
    return ", the last by name" if not at and name > max(older.sweep for older in older_sweeps) else ""


def _name_older(older_sweep: str, shown_sweep: str) -> str:
    return f"another {older_sweep}" if older_sweep == shown_sweep else older_sweep


def origin_notes(columns: Mapping[ColumnKey, Column]) -> list[Footnote]:
    """Return the notes that tell apart data sets of one name."""
    return [Footnote(sentence) for sentence in describe_origins(columns)]


def paper_notes(papers: Sequence[str], columns: Sequence[Column], covered: AbstractSet[str]) -> list[Footnote]:
    """Return the notes about published scores: their source, remarks, and the columns that have none.

    `covered` are the labels of the columns that have some.
    """
    notes = [Footnote(f"{paper}: {PAPERS[paper]}; as printed, not compared.") for paper in papers]
    notes += [Footnote(f"{REMARKS[column.name]}.") for column in columns if column.label in covered & REMARKS.keys()]
    parts = [column.label for column in columns if column.is_catalog and column.is_part]
    if parts:
        notes.append(Footnote(f"Published scores are of all rows, and are not shown for a part: {', '.join(parts)}."))
    uncovered = [column.label for column in columns if column.label not in {*covered, *parts}]
    if uncovered:
        notes.append(Footnote(f"No published scores are known for {', '.join(uncovered)}."))
    return notes


def no_papers_note(metric: TableMetric) -> Footnote:
    """Return the note that says why a table by this metric has no published scores."""
    return Footnote(f"The published scores are accuracies; there are none by {metric.label}.")


def describe_cell(cell: TableCell, row_names: RowNames) -> str:
    """Return the name of a cell: all-MiniLM-L6-v2 lcl on sst5."""
    return f"{' '.join(row_names[cell.system])} on {cell.dataset}"
