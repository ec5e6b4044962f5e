"""The terminal shows a sweep that minimizes with the lowest score as the best, and rivals from the lowest on."""

import re

import pytest

from sweeper.terminal.line_view import LineView
from sweeper.terminal.output import PlainOutput
from sweeper.terminal.progress import SweepProgress
from sweeper.terminal.trial_view import rivals_line
from sweeper.trials.outcome import Outcome
from tests.support.mirrored_sweeps import MirroredSweep, run_mirrored


@pytest.fixture(scope="module")
def lower(tmp_path_factory: pytest.TempPathFactory) -> MirroredSweep:
    """A search that minimizes."""
    return run_mirrored(tmp_path_factory.mktemp("mirrored"), confirm={"seeds": 0})[1]


def test_the_best_trial_so_far_is_that_with_the_lowest_score(lower: MirroredSweep) -> None:
    records = {record.trial.number: record for record in lower.records}
    metric = lower.spec.objective.metric
    for system in (None, 0, 1):
        losses = {
            number: min(report.metrics[metric] for report in record.reports)
            for number, record in records.items()
            if record.reports and system in (None, record.trial.system)
        }
        best = SweepProgress(lower.spec, records).best(system)
        assert best is not None
        assert best.score == min(losses.values()) == losses[best.number]


def test_the_state_line_names_it(lower: MirroredSweep) -> None:
    view = LineView(PlainOutput(progress=False), lower.spec, [])
    view.records = {record.trial.number: record for record in lower.records}
    lowest = min(trial.score for trial in lower.results.trial_results if trial.score is not None)
    assert f"best {lowest:.4f} by trial " in view.summary()


def test_the_rivals_of_a_stopped_trial_begin_with_the_lowest(lower: MirroredSweep) -> None:
    stopped = [it for it in lower.records if it.outcome == Outcome.STOPPED_EARLY]
    lines = [rivals_line(lower.spec, record, lower.records) for record in stopped]
    scores = [[float(score) for score in re.findall(r"trial \d+ (\d\.\d+)", line)] for line in lines]
    assert all(named == sorted(named) for named in scores)
    assert max(len(set(named)) for named in scores) > 2
    for record, named in zip(stopped, scores, strict=True):
        assert record.end is not None
        assert record.end.reason.endswith(" or less")
        assert record.reports[-1].metrics[lower.spec.objective.metric] > named[0]
