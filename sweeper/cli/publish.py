"""What a finished sweep leaves in its folder: the winner's model, the table, the report, and results.json, last.

The table is made of the results and of what the confirmed models answered, as `sweeper table` makes it from MLflow.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeper.cli.screen import Screen
from sweeper.folder import SweepFolder
from sweeper.ports import Recorded
from sweeper.whole import written

if TYPE_CHECKING:
    from sweeper.cli.prepare import Prepared
    from sweeper.tables.table import Finished

_log = logging.getLogger(__name__)


def publish(
    screen: Screen, prepared: "Prepared", folder: SweepFolder, recorded: Sequence[Recorded], results: Mapping[str, Any]
) -> None:
    """Write all of it; results.json is there when everything else is."""
    from sweeper.cli.report import write_report
    from sweeper.cli.winner import keep_winner

    keep_winner(screen, prepared, folder, recorded)
    with written(folder.path / "table.md") as file:
        file.write(table_text(folder, results).encode())
    try:
        write_report(screen, folder, prepared.spec, recorded, results, prepared.corpus)
    except Exception as error:  # no reason to lose a sweep: everything in it can be drawn again
        _log.exception("the report could not be written")
        screen.line(f"the report could not be written ({error}); sweeper report {folder.path} tries again")
    folder.finish(results)


def table_text(folder: SweepFolder, results: Mapping[str, Any]) -> str:
    """The published table of one sweep, in Markdown."""
    from sweeper.tables.formats import rendered
    from sweeper.tables.table import table

    return rendered(table([_finished(folder, results)]), "md")


def _finished(folder: SweepFolder, results: Mapping[str, Any]) -> "Finished":
    """The sweep as the table sees it; answers whose file is gone are missing, and the table says so."""
    from sweeper.edges import predictions
    from sweeper.tables.table import Answers, Finished

    labels = tuple(results["labels"])
    scored = [
        seed["trial"]
        for cell in results["cells"]
        if cell["confirm"]
        for seed in cell["confirm"]["seeds"]
        if seed["test"]
    ]
    places = {trial: predictions.path(folder.path, trial, "test") for trial in scored}
    found = {trial: predictions.read(place, labels) for trial, place in places.items() if place.exists()}
    return Finished(results, {t: Answers(one.labels, one.probabilities.argmax(axis=1)) for t, one in found.items()})
