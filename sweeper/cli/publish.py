"""What a finished sweep leaves in its folder: the winner's model, the table, the report, and results.json, last.

The table is made of the results and of what the confirmed models answered, as `sweeper table` makes it from MLflow.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeper.cli.screen import Screen
from sweeper.folder import SweepFolder
from sweeper.values import Recorded
from sweeper.whole import written

if TYPE_CHECKING:
    from sweeper.cli.prepare import Prepared
    from sweeper.ports import Storage, Study
    from sweeper.spec import SweepSpec
    from sweeper.tables.table import Finished
    from sweeper.values import Predictions

_log = logging.getLogger(__name__)


def publish(
    screen: Screen, prepared: "Prepared", folder: SweepFolder, recorded: Sequence[Recorded],
    results: Mapping[str, Any], storage: "Storage | None",
) -> None:  # fmt: skip
    """Write all of it; results.json is there when everything else is."""
    from sweeper.cli.report import write_report
    from sweeper.cli.winner import keep_winner

    keep_winner(screen, prepared, folder, recorded, storage)
    with written(folder.path / "table.md") as file:
        file.write(table_text(folder, results).encode())
    try:
        write_report(screen, folder, prepared.spec, recorded, results, prepared.corpus)
    except Exception as error:  # no reason to lose a sweep: everything in it can be drawn again
        _log.exception("the report could not be written")
        screen.line(f"the report could not be written ({error}); sweeper report {folder.path} tries again")
    folder.finish(results)


def table_text(folder: SweepFolder, results: Mapping[str, Any]) -> str:
    """The published table of one sweep, in Markdown; answers whose file is gone are missing, and it says so."""
    from sweeper.edges import predictions
    from sweeper.tables.formats import rendered
    from sweeper.tables.table import table

    answers = predictions.kept(folder.path, confirmed(results), "test", tuple(results["labels"]))
    return rendered(table([finished(results, answers)]), "md")


def finished(results: Mapping[str, Any], answers: "Mapping[int, Predictions]") -> "Finished":
    """A sweep as its table sees it, given what its confirmed models answered on the test split."""
    from sweeper.tables.table import Answers, Finished

    return Finished(results, {trial: Answers(one.labels, one.classes) for trial, one in answers.items()})


def confirmed(results: Mapping[str, Any]) -> list[int]:
    """The trials that confirm the winning settings."""
    found = (cell["confirm"] for cell in results["cells"] if cell["confirm"])
    return [seed["trial"] for one in found for seed in one["seeds"]]


def refreshed(spec: "SweepSpec", folder: SweepFolder, study: "Study") -> dict[str, Any]:
    """The results of a finished sweep from its record, which they are a function of, and so in its folder."""
    from sweeper.results import results

    found = results(spec, folder, study.recorded(), study.looks())
    if found != folder.results():
        folder.finish(found)
    return found
