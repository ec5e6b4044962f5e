"""The tables of a report count everything that was run, and their sums are those of the numbers, not of the cells."""

import re

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
