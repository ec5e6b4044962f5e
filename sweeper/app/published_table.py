"""TODO."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweeper.storage.sweep_folder import SweepFolder

if TYPE_CHECKING:
    from sweeper.reporting.table.results_table import FinishedSweep
    from sweeper.training.types import Predictions


def table_text(folder: SweepFolder, results: Mapping[str, Any]) -> str:
    """The published table of one sweep, in Markdown; answers whose file is gone are missing, and it says so."""
    from sweeper.reporting.table.formats import render
    from sweeper.reporting.table.results_table import build_table
    from sweeper.storage import predictions

    answers = predictions.load_predictions(folder.path, confirmed_trials(results), "test", tuple(results["labels"]))
    return render(build_table([as_finished_sweep(results, answers)]), "md")


def as_finished_sweep(results: Mapping[str, Any], answers: "Mapping[int, Predictions]") -> "FinishedSweep":
    """A sweep as its table sees it, given what its confirmed models answered on the test split."""
    from sweeper.reporting.table.results_table import FinishedSweep, TestPredictions

    return FinishedSweep(results, {trial: TestPredictions(one.labels, one.classes) for trial, one in answers.items()})


def confirmed_trials(results: Mapping[str, Any]) -> list[int]:
    """The trials that confirm the winning settings."""
    found = (system["confirm"] for system in results["cells"] if system["confirm"])
    return [seed["trial"] for one in found for seed in one["seeds"]]
