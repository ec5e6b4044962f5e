"""A table with everything that a format must show."""

import pytest

from sweeper.reporting.table.results_table import ResultsTable, build_table
from tests.support.fake_results import sweep


@pytest.fixture
def table() -> ResultsTable:
    """Two data sets, a bold system, an unconfirmed one, a subsample of the rows, and published scores."""
    first = sweep({"ce": [0.50, 0.51, 0.505], "lcl": [0.6, 0.61, "diverged", 0.605]})
    second = sweep({"ce": [0.9, 0.91], "scl": None}, "sst2-0000000b", dataset="sst2", subsample={"train": 500})
    return build_table([first, second], published=True)
