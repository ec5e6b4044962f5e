"""What stands below the published table, in words: how its figures were come by, and what is odd about which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.protocol.sweep_results import SweepResults, TestSplitInfo
from sweeper.reporting.table.cells import Caveat, TableCell
from sweeper.reporting.table.comparisons import ALPHA, FEWEST, Comparison
from sweeper.reporting.table.published_results import PAPERS, REMARKS
from sweeper.reporting.table.systems import SystemKey

Names = Mapping[SystemKey, tuple[str, ...]]


@dataclass(frozen=True)
class Footnote:
    """A sentence below the table; `sign` is that of the cells that it is about."""

    text: str
    sign: str = ""


@dataclass(frozen=True)
class TestSplitUsage:
    """The test split of a data set, and how often it was opened: by sweeps of the table, and elsewhere."""

    test: TestSplitInfo | None
    classes: int
    sweeps: int
    test_accesses: int
    elsewhere: int


def test_split_usage(sweeps: Sequence[SweepResults], elsewhere: int) -> TestSplitUsage:
    """What is known of the test split of some sweeps' one data set."""
    test = next((sweep.test_split for sweep in sweeps if sweep.test_split), None)
    test_accesses = sum(len(sweep.test_accesses) for sweep in sweeps)
    return TestSplitUsage(test, len(sweeps[0].labels), len(sweeps), test_accesses, elsewhere)


def footnote_letters(cells: Sequence[TableCell]) -> dict[Caveat, str]:
    """A footnote sign, a letter, for each mark that a cell has."""
    used = [mark for mark in Caveat if any(mark in cell.caveats for cell in cells)]
    return dict(zip(used, "abcdefghij", strict=False))


def protocol(cells: Sequence[TableCell], metric: str) -> list[Footnote]:
    """What a cell says, and how it was come by."""
    objectives = " or ".join(dict.fromkeys(cell.sweep.objective for cell in cells))
    return [
        Footnote(
            f"A cell is the mean ± standard deviation of test {metric} in % over fresh seeds; in brackets, the number "
            "of these seeds and of the trials that its search had. – is where no finished sweep has the system."
        ),
        Footnote(
            f"Settings were chosen on the validation split ({objectives}) and trained again with fresh seeds; the "
            "test split was scored with these trainings alone, once for each."
        ),
    ]


def tests(pairs: Sequence[Comparison], metric: str) -> list[Footnote]:
    """What bold means."""
    if metric != "accuracy":
        return [Footnote(f"Nothing is bold: systems are tested against each other by accuracy, and not by {metric}.")]
    tested = sum(pair.lead is not None for pair in pairs)
    if not tested:
        return [Footnote("Nothing is bold: no two systems of a column can be tested against each other.")]
    counted = f"the {tested} pairs" if tested > 1 else "the one pair"
    return [
        Footnote(
            "Bold is the best of a column where its lead over the next best stands: "
            f"p below {ALPHA:g}, Welch's t over both sources of chance, seeds and (paired) test texts, after Holm's "
            f"correction for {counted} of this table; never with fewer than {FEWEST} seeds."
        )
    ]


def test_access_notes(tests: Mapping[str, TestSplitUsage]) -> list[Footnote]:
    """How often the test split of each data set was opened."""
    return [Footnote(_test_accesses(dataset, tested)) for dataset, tested in tests.items()]


def _test_accesses(dataset: str, tested: TestSplitUsage) -> str:
    if tested.test is None:
        return f"{dataset} has no test split."
    more = f", and {_times(tested.elsewhere)} by sweeps that are not in this table" if tested.elsewhere else ""
    return (
        f"{dataset}: {tested.test.texts:,} test texts in {tested.classes} classes; the test split was opened "
        f"{_times(tested.test_accesses)} by {_sweeps(tested.sweeps)}{more}."
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _sweeps(count: int) -> str:
    return "1 sweep" if count == 1 else f"{count:,} sweeps"


def caveat_notes(cells: Sequence[TableCell], names: Names) -> list[Footnote]:
    """A note for each footnote sign: what it means, and which cells have it, how far."""
    found = []
    for mark, sign in footnote_letters(cells).items():
        columns = {cell.dataset: [one for one in cells if one.dataset == cell.dataset] for cell in cells}
        listed = [text for column in columns.values() for text in _having(mark, column, names)]
        found.append(Footnote(f"{mark.value}: {'; '.join(listed)}.", sign))
    return found


def _having(mark: Caveat, column: Sequence[TableCell], names: Names) -> list[str]:
    """Which cells of a column have a mark, and how far; where all are alike in that, in one word."""
    told = {place(cell, names): cell.caveats[mark] for cell in column if mark in cell.caveats}
    if len(told) == len(column) > 1 and len(set(told.values())) == 1:
        told = {f"all of {column[0].dataset}": column[0].caveats[mark]}
    return [f"{name} ({how})" if how else name for name, how in told.items()]


def not_shown(older: Sequence[tuple[TableCell, Sequence[TableCell]]], names: Names) -> list[Footnote]:
    """Which cells have more than one sweep, and which of these are not shown."""
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for cell, others in older:
        left = tuple(_called(other.sweep.sweep, cell.sweep.sweep) for other in others)
        grouped.setdefault((cell.sweep.sweep, left), []).append(place(cell, names))
    return [
        Footnote(f"{'; '.join(places)}: from {shown}, the newest; not shown: {', '.join(left)}.")
        for (shown, left), places in grouped.items()
    ]


def _called(other: str, shown: str) -> str:
    return f"another {other}" if other == shown else other


def papers(used: Sequence[str], datasets: Sequence[str], lacking: Sequence[str]) -> list[Footnote]:
    """Whose figures the papers' rows have, what must be known of them, and which of the data sets no paper has."""
    found = [Footnote(f"{paper}: {PAPERS[paper]}; as printed, and not compared.") for paper in used]
    found += [Footnote(f"{REMARKS[dataset]}.") for dataset in datasets if dataset in REMARKS]
    if lacking:
        found.append(Footnote(f"No paper's figures are at hand for {', '.join(lacking)}."))
    return found


def no_papers(metric: str) -> Footnote:
    """Why no paper's rows are there."""
    return Footnote(f"The papers' figures are accuracies; by {metric} there are none.")


def place(cell: TableCell, names: Names) -> str:
    """Where a cell stands: all-MiniLM-L6-v2 lcl on sst5."""
    return f"{' '.join(names[cell.system])} on {cell.dataset}"
