"""The note on top of a finished sweep's run in MLflow: the published table and the winner, as Markdown."""

from sweeper.app.folder_predictions import FolderPredictions
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.wording import escape_markdown, show_controls

_MAX_NOTE = 7500  # characters: MLflow cuts the value of a tag after 8,000


def winning_trial(folder: SweepFolder, results: SweepResults) -> int | None:
    """Return the trial whose setting won: by its fresh seeds or, without any, by its search. None if no trial did."""
    from sweeper.reporting.winner import find_winner

    winner = find_winner(results, _predictions(folder, results))
    return winner.confirmation.source_trial if winner else results.best_trial


def results_note(folder: SweepFolder, results: SweepResults) -> str:
    """Return the note of a sweep. What makes it too long is left out from its end: footnotes first."""
    from sweeper.reporting.table.systems import name_systems
    from sweeper.reporting.winner import winner_lines

    facts = winner_lines(results, _predictions(folder, results), name_systems(results))
    winner = "\n".join(f"- **{label}** {escape_markdown(show_controls(text))}" for label, text in facts)
    path = folder.path / "table.md"
    table, *footnotes = path.read_text(encoding="utf-8").strip().split("\n\n") if path.exists() else [""]
    parts = [part for part in (table, winner, *footnotes) if part]
    while len(parts) > 1 and len("\n\n".join(parts)) > _MAX_NOTE:
        parts.pop()
    return "\n\n".join(parts)[:_MAX_NOTE]


def _predictions(folder: SweepFolder, results: SweepResults) -> FolderPredictions:
    return FolderPredictions(folder.path, results, "test" if results.test_split else "validation")
