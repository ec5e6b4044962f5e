"""The data of a finished sweep."""

import pytest

from sweeper.reporting.html.report_data import ReportData
from tests.reporting.html.helpers import confirmed_spec, report_data
from tests.support.fake_sweeps import FakeSweep


@pytest.fixture(scope="module")
def finished() -> ReportData:
    """A sweep of 26 trials in two systems, confirmed and tested."""
    return report_data(FakeSweep(confirmed_spec()).search().confirm())
