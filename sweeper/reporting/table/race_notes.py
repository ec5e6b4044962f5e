"""The notes below the published table about searches that ended with a race of the best settings."""

from collections.abc import Sequence

from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.cells import TableCell, sweeps_of
from sweeper.reporting.table.footnotes import Footnote


def race_notes(cells: Sequence[TableCell]) -> list[Footnote]:
    """Return a note for each sweep of these cells that had racing: its trials, and the mean that ranked settings."""
    return [
        Footnote(f"{dataset}: {_describe(results)}") for dataset, results in sweeps_of(cells) if _has_racing(results)
    ]


def _has_racing(results: SweepResults) -> bool:
    return any(system.best is not None and system.best.shrunk_mean is not None for system in results.systems)


def _describe(results: SweepResults) -> str:
    raced, total = sum(system.raced for system in results.systems), results.num_trials
    verb = "was" if raced == 1 else "were"
    ranked = "settings were ranked by means over seeds that are shrunk towards the mean of their system"
    return f"{raced} of {total} search trials {verb} further seeds of the best settings (racing); {ranked}."
