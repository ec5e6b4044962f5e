"""The tables of a report count everything that was run, and their sums are those of the numbers, not of the cells."""

import re
from dataclasses import replace

from sweeper.reporting.html.report_data import ReportData
from tests.reporting.html.helpers import confirmed_spec, page_text, report_data
from tests.support.fake_sweeps import FakeSweep


def cost_rows(report: ReportData) -> dict[str, list[str]]:
    """Return the cells of the table of costs by the first cell of their row."""
    rows = re.findall(r"<tr>(.*?)</tr>", page_text(report, "cost"), re.DOTALL)
    cells = [[re.sub("<.*?>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)] for row in rows]
    return {row[0]: row[1:] for row in cells if row}


def test_the_seeds_of_an_undecided_confirmation_have_their_cost() -> None:
    sweep = FakeSweep(confirmed_spec(trials=8)).search().confirm()
    sweep.records.pop()  # the last seed of the second system
    report = report_data(sweep)
    assert [system.confirmation is None for system in report.results.systems] == [False, True]
    rows = cost_rows(report)
    assert rows["ce"][4:] == ["3", "12", "0.60"]
    assert rows["lcl"][4:] == ["2", "8", "0.40"]
    searched = sum(system.hours for system in report.results.systems)
    assert f"8 trainings to search and 5 to confirm, without GPU: {searched + 1:.1f} hours of" in page_text(
        report, "glance"
    )


def test_a_row_of_costs_has_no_saved_epochs_without_early_stopping() -> None:
    with_rule, without = (
        cost_rows(report_data(FakeSweep(confirmed_spec(trials=8, early_stopping=rule)).search().confirm()))
        for rule in ({"asha": {"grace_epochs": 1, "reduction_factor": 2}}, "off")
    )
    assert [*without] == [*with_rule]
    for name, row in without.items():
        assert row == [*with_rule[name][:3], *with_rule[name][4:]]


def test_the_sums_of_the_costs_are_those_of_the_numbers_before_they_are_rounded() -> None:
    report = report_data(FakeSweep(confirmed_spec(trials=8)).search().confirm())
    costs = [(0.01421, 400_000.25), (0.02624, 800_000.5)]  # hours and epochs
    systems = [
        system.model_copy(update={"hours": hours, "epochs": epochs})
        for system, (hours, epochs) in zip(report.results.systems, costs, strict=True)
    ]
    trials = [
        trial.model_copy(update={"hours": 0.00421, "epochs": 1 / 3}) if trial.source_trial else trial
        for trial in report.results.trial_results
    ]
    results = report.results.model_copy(update={"systems": systems, "trial_results": trials})
    rows = cost_rows(replace(report, results=results))
    assert [row[1:3] for row in rows.values()] == [["400000.25", "0.01"], ["800000.5", "0.03"], ["1200000.75", "0.04"]]
    assert [row[5:] for row in rows.values()] == [["1", "0.01"], ["1", "0.01"], ["2", "0.03"]]
