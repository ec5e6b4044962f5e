"""The sections that are tables: outcomes, cost, every trial, and versions."""

from collections.abc import Mapping, Sequence

from sweeper.protocol.promotion import is_waiting
from sweeper.reporting.html.html_elements import (
    ReportSection,
    code_block,
    collapsible,
    filter_field,
    link,
    paragraph,
    table,
)
from sweeper.reporting.html.learning_curves import count_saved_epochs
from sweeper.reporting.html.report_data import (
    ReportData,
    confirmation_cost,
    format_outcome,
    format_page_params,
    format_page_score,
)
from sweeper.reporting.html.timeline import elapsed_hours
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord

_MAX_VISIBLE = 20  # a longer list of unhealthy trials is collapsed
_SAVED = 4  # the column of saved epochs
_HOURS = (2, 6)  # the numbers of a row of costs that are hours


def outcomes_section(report: ReportData) -> ReportSection:
    """Return how many trials had each outcome, and the reasons of those that did not end well."""
    unhealthy = _unhealthy_rows(report)
    parts = [paragraph(f"Search: {_count_outcomes(report)}.")] if report.search_records else []
    if unhealthy:
        listed = table(["trial", "system", "outcome", "reason"], unhealthy, "nwwt")
        summary = f"{len(unhealthy)} trials that did not end well"
        parts.append(listed if len(unhealthy) <= _MAX_VISIBLE else collapsible(summary, listed))
    return ReportSection("endings", "How trials ended", parts or [paragraph("No trial has started.")])


def _describe_open(report: ReportData, record: TrialRecord) -> str:
    """Return why a trial has no end."""
    if is_waiting(report.spec, record):
        return "waits for its promotion; the same command goes on with the best"
    return "interrupted or still running; the same command continues it"


def _unhealthy_rows(report: ReportData) -> list[tuple[str, str, str, str]]:
    """Return trial, system, outcome and reason of each trial that has not ended, or not ended well."""
    rows = []
    for record in report.records:
        if record.end is None or not record.end.outcome.is_healthy:
            reason = record.end.reason if record.end else _describe_open(report, record)
            system = report.systems[record.trial.system]
            rows.append((str(record.trial.number), system, format_outcome(record), reason))
    return rows


def _count_outcomes(report: ReportData) -> str:
    """Return the number of search trials by outcome: 4 completed, 2 diverged."""
    outcomes = [format_outcome(record) for record in report.search_records]
    labels = (*(outcome.label for outcome in Outcome), "not ended")
    return ", ".join(f"{outcomes.count(label)} {label}" for label in labels if label in outcomes)


def cost_section(report: ReportData) -> ReportSection:
    """Return epochs and hours of each system in search and confirmation, and the epochs that early stopping saved.

    Nothing on saved epochs if there was no early stopping.
    """
    saved = f"epochs saved by {report.spec.early_stopping_label}"
    heads = ["system", "trials", "epochs", "hours", saved, "fresh seeds", "epochs", "hours"]
    costs = [_costs(report, system) for system in range(len(report.systems))]
    totals = [sum(column) for column in zip(*costs, strict=True)]
    summed = [] if len(costs) == 1 else [("all systems", totals)]
    rows = [[name, *_format_costs(row)] for name, row in [*zip(report.systems, costs, strict=True), *summed]]
    if not report.spec.rungs:
        heads, *rows = ([*row[:_SAVED], *row[_SAVED + 1 :]] for row in (heads, *rows))
    threads, gpu = report.results.threads, report.results.gpu
    note = paragraph(
        f"Hours are of training and validation, summed over trials. CPU threads of a trial: {threads}, GPUs: {gpu:g}. "
        f"From the first start to the last end, including pauses, the sweep took {elapsed_hours(report):.2f} hours."
    )
    return ReportSection("cost", "Cost", [table(heads, rows, "w" + "n" * (len(heads) - 1)), note])


def _costs(report: ReportData, system: int) -> list[float]:
    """Return the numbers of a system's row: trials, epochs, hours and saved epochs; fresh seeds, epochs and hours."""
    result = report.results.systems[system]
    seeds = sum(record.trial.system == system for record in report.confirmation_records)
    search = [result.num_trials, result.epochs, result.hours, count_saved_epochs(report, system)]
    return [*search, seeds, *confirmation_cost(report.results, system)]


def _format_costs(costs: Sequence[float]) -> list[str]:
    """Return the cells of a row: hours with two digits after the point, all else with two at most."""
    return [f"{cost:.2f}" if k in _HOURS else f"{round(cost, 2):.15g}" for k, cost in enumerate(costs)]


def trials_section(report: ReportData) -> ReportSection:
    """Return a line for every trial, which also serves readers who cannot see the figures."""
    heads = ["trial", "system", "outcome", "score", "epochs", "hours", "attempts", "seed", "setting"]
    hours = {trial.number: trial.hours for trial in report.results.trial_results}
    rows = list[list[object]]()
    for record in report.records:
        trial = record.trial
        source = f"confirms {trial.source_trial}: " if trial.source_trial else ""
        source += f"chosen by a user, clone of {trial.clone_of}: " if trial.clone_of else ""
        source += f"another seed of {trial.race_of}: " if trial.race_of else ""
        rows.append(
            [
                *(_trial_link(report, trial.number), report.systems[trial.system], format_outcome(record)),
                *(format_page_score(report.score(record)), f"{record.reports[-1].epoch:g}" if record.reports else "0"),
                *(f"{hours.get(trial.number, 0.0):.3f}", trial.attempt, trial.config.seed),
                source + format_page_params(report.searched_params(record)),
            ]
        )
    introduction = "A click on a head sorts the table; the field filters it."
    if report.run_urls:
        introduction += f" The numbers link to MLflow. {report.mlflow_note}".rstrip()
    search_field = filter_field("Show the trials that have all of these words:")
    trial_table = table(heads, rows, "nwwnnnnnt", "trials")
    return ReportSection("trials", "Every trial", [paragraph(introduction), search_field, trial_table])


def _trial_link(report: ReportData, number: int) -> object:
    """Return the number of a trial, with a link to its run if it is known."""
    return link(str(number), report.run_urls[number]) if number in report.run_urls else number


def versions_section(versions: Mapping[str, str], yaml: str) -> ReportSection:
    """Return the search space with its defaults, and the versions and revisions that were used."""
    rows = table(["name", "version or revision"], list(versions.items()), "ww")
    heading = "Search space, versions and revisions"
    return ReportSection("resolved", heading, [collapsible("the search space", code_block(yaml)), rows])
