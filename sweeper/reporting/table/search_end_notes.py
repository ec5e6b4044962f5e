"""The notes below the published table about searches that a limit ended before all their trials were run."""

from collections.abc import Sequence

from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.cells import TableCell, sweeps_of
from sweeper.reporting.table.footnotes import Footnote


def search_end_notes(cells: Sequence[TableCell]) -> list[Footnote]:
    """Return a note for each sweep of these cells that a limit ended: the reason, and the trials of its systems."""
    return [
        Footnote(f"{dataset}: {_describe(results)}")
        for dataset, results in sweeps_of(cells)
        if results.search and results.search.reason
    ]


def _describe(results: SweepResults) -> str:
    counts = [system.num_trials for system in results.systems]
    fewest, most = min(counts), max(counts)
    noun = "trial" if most == 1 else "trials"
    trials = f"{most} {noun}" if fewest == most else f"{fewest} to {most} {noun}"
    per_system = "" if len(counts) == 1 else " of each system"
    reason = results.search.reason if results.search else ""
    return f"the search ended after {trials}{per_system}, before its last trial, because {reason}."
