"""Every format of the registry renders a table, and equal results give equal text."""

import copy
import json
from dataclasses import replace

import pytest

from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.formats import FORMATS
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import build_table
from tests.support.fake_results import sweep


@pytest.mark.parametrize("format_name", FORMATS)
def test_equal_results_give_equal_bytes(format_name: str) -> None:
    def read_back(finished: FinishedSweep) -> FinishedSweep:
        return replace(finished, results=SweepResults.parse(json.loads(finished.results.to_json())))

    sweeps = [sweep({"ce": [0.5, 0.51], "lcl": [0.6, 0.61]}), sweep({"ce": [0.9]}, "sst2-0000000b", dataset="sst2")]
    again = [read_back(copy.deepcopy(finished)) for finished in reversed(sweeps)]
    text = render(build_table(sweeps), format_name, detail=True)
    assert text == render(build_table(again), format_name, detail=True)
    assert render(build_table(sweeps), format_name).endswith("\n")
    assert "mini" in text
    assert "sst2" in text


def test_formats_have_different_labels_and_suffixes() -> None:
    assert len({entry.label for entry in FORMATS.values()}) == len(FORMATS)
    assert len({entry.suffix for entry in FORMATS.values()}) == len(FORMATS)
    assert all(entry.suffix.startswith(".") for entry in FORMATS.values())
