"""The page that compares sweeps opens with a metric that they have, and its menu has the others."""

import re
from pathlib import Path
from typing import Any

import pytest

from sweeper.app.compare_report import write_comparison
from sweeper.errors import UsageError
from tests.support.recorded_sweeps import RecordedSweep

LABEL_SETS = {"dataset": "goemotions_multilabel", "objective": {"maximize": "validation/macro_f1"}}


def compare(sweeps: Path, *changes: dict[str, Any], metric: str | None = None) -> str:
    """Return the page of finished sweeps with these search spaces."""
    folders = [RecordedSweep(sweeps, **change).search().finish().folder for change in changes]
    return write_comparison([folder.name for folder in folders], sweeps, None, metric).read_text(encoding="utf-8")


def captions(page: str) -> list[str]:
    return re.findall("<caption>(.*)</caption>", page)


def test_sweeps_of_label_sets_are_compared_by_a_metric_of_their_task(tmp_path: Path) -> None:
    page = compare(tmp_path, LABEL_SETS, {**LABEL_SETS, "seed": 1})
    assert captions(page) == ["Test macro-F1 in %."]
    assert "50.0 ± 0.0" in page
    assert "different tasks" not in page


def test_sweeps_of_two_data_sets_have_a_menu_of_their_metrics(tmp_path: Path) -> None:
    page = compare(tmp_path, {}, {"dataset": "sst2"})
    assert captions(page) == ["Test accuracy in %.", "Test macro-F1 in %."]
    assert re.findall('data-choice="([^"]*)"', page) == ["Accuracy", "Macro-F1"]
    assert "addChoice" in page
    assert len(re.findall("<td data-head=[^>]*>50.0 ± 0.0", page)) == 8  # two systems, data sets and metrics


def test_sweeps_of_two_tasks_open_with_a_metric_of_both_and_the_page_says_it(tmp_path: Path) -> None:
    page = compare(tmp_path, {}, LABEL_SETS)
    assert captions(page) == ["Test macro-F1 in %.", "Test accuracy in %."]
    assert "The table opens with macro-F1, which all of them have" in page


def test_a_named_metric_opens_the_page_and_an_unknown_class_is_refused(tmp_path: Path) -> None:
    page = compare(tmp_path, {}, {"seed": 1}, metric="macro_f1")
    assert captions(page)[0] == "Test macro-F1 in %."
    with pytest.raises(UsageError, match="no data set of the table has this class"):
        compare(tmp_path, {"seed": 2}, metric="f1/joy")


def test_two_sweeps_of_one_name_have_a_winner_each(tmp_path: Path) -> None:
    folders = [RecordedSweep(tmp_path / place).search().finish().folder for place in ("a", "b")]
    page = write_comparison([str(folder.path) for folder in folders], tmp_path, None).read_text(encoding="utf-8")
    name = folders[0].name
    assert re.findall("<h3>(.*?)</h3>", page) == [f"{name} ({folder.manifest.id})" for folder in folders]
