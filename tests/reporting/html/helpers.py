"""Build the data and the text of a report from a fake sweep."""

import re
from typing import Any

from sweeper.reporting.html.page import build_page
from sweeper.reporting.html.report_data import ModelPredictions, ReportData
from sweeper.reporting.html.sections import build_sections
from sweeper.reporting.templates.environment import Html
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.yaml_file import dump_yaml
from tests.support.fake_sweeps import FakeSweep
from tests.support.search_spaces import small_spec


def confirmed_spec(trials: int = 26, **changes: Any) -> SweepSpec:
    """Return the spec of a sweep that confirms with three fresh seeds."""
    return small_spec(budget={"trials": trials}, confirm={"seeds": 3}, **changes)


def report_data(sweep: FakeSweep, **changes: Any) -> ReportData:
    """Return the data of a fake sweep's report. It counts as finished if it was confirmed and every trial has ended."""
    predictions = ModelPredictions(
        sweep.predictions, sweep.predictions, texts=[f"text {k}" for k in range(sweep.texts)]
    )
    all_ended = all(record.end for record in sweep.records)
    is_finished = all_ended and len(sweep.records) > sweep.spec.budget.trials
    values = {"systems": ["ce", "lcl"], "predictions": predictions, "is_finished": is_finished, **changes}
    return ReportData(sweep.spec, sweep.records, sweep.results(), **values)


def page_text(report: ReportData, *names: str) -> str:
    """Return the page of a report, or that of some sections, without its styles and scripts.

    A figure is replaced by the name of its type.
    """
    sections = build_sections(report, Html("<p>table</p>"), {}, {"torch": "2.13"}, dump_yaml(report.spec))
    chosen = [section for section in sections if not names or section.name in names]
    page = build_page("title", "summary", chosen, "", lambda figure, _: type(figure).__name__)
    return re.sub("<(style|script)[^>]*>.*?</(style|script)>", "", page, flags=re.DOTALL)
