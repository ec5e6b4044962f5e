"""The note on top of a finished sweep's run in MLflow: the published table and the winner, as Markdown."""

from typing import TYPE_CHECKING

from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.wording import escape_markdown, show_controls

if TYPE_CHECKING:
    from sweeper.reporting.winner import Winner

_MAX_NOTE = 7500  # characters: MLflow cuts the value of a tag after 8,000


def results_note(folder: SweepFolder, results: SweepResults, winner: "Winner | None") -> str:
    """Return the note of a sweep with this winner. What makes it too long is left out from its end: footnotes first."""
    from sweeper.reporting.table.systems import name_systems
    from sweeper.reporting.winner import winner_lines

    facts = winner_lines(winner, results, name_systems(results))
    lines = "\n".join(f"- **{label}** {escape_markdown(show_controls(text))}" for label, text in facts)
    path = folder.path / "table.md"
    table, *footnotes = path.read_text(encoding="utf-8").strip().split("\n\n") if path.exists() else [""]
    parts = [part for part in (table, lines, *footnotes) if part]
    while len(parts) > 1 and len("\n\n".join(parts)) > _MAX_NOTE:
        parts.pop()
    return "\n\n".join(parts)[:_MAX_NOTE]
