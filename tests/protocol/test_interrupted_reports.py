"""Kills between the metrics of a report, its value and the decision: cases that the simulation found or missed."""

from pathlib import Path

import pytest

from sweeper.protocol.search_stage import SearchStage
from sweeper.trials.outcome import Outcome
from tests.support.fakes import report
from tests.support.journal_reader import VALUE
from tests.support.simulation.sweep import simulated_spec
from tests.support.studies import open_study

ONE = {"encoder": ["m"], "loss": ["ce"]}


def cut_after(path: Path, mark: str) -> None:
    """Cut the journal after its last line that contains `mark`, as a kill leaves it."""
    lines = path.read_bytes().splitlines(keepends=True)
    last = max(k for k, line in enumerate(lines) if mark.encode() in line)
    path.write_bytes(b"".join(lines[: last + 1]))


def test_report_that_lost_its_value_in_a_kill_keeps_its_place_in_time(tmp_path: Path) -> None:
    spec = simulated_spec(compare=ONE)
    with open_study(spec, tmp_path) as study:
        good, poor = study.ask(0), study.ask(0)
        study.report(good, report(1, 0.9))
    cut_after(tmp_path / "journal", "report:1")
    with open_study(spec, tmp_path) as study:
        continues = study.report(study.restart(poor), report(1, 0.1)).end is None
        study.report(study.restart(good), report(1, 0.9))
    assert not continues  # and if it had, it would be stopped when it is asked again: the other's time is the earlier


@pytest.mark.parametrize("killed", [False, True])
def test_collapsed_trial_stopped_by_asha_is_stopped_early_after_a_kill_too(tmp_path: Path, killed: bool) -> None:
    spec = simulated_spec(compare=ONE, search={"batch_size": [4, 8]}, training={"epochs": 5}, asha={
        "grace_epochs": 2, "reduction_factor": 2,
    })  # fmt: skip
    course = [report(1, 0.9), report(2, 0.9), report(3, 0.9, classes=1), report(4, 0.1, classes=1)]
    with open_study(spec, tmp_path) as study:
        search = SearchStage(spec, study, [])
        good, poor = search.next_trial(), search.next_trial()
        assert good is not None
        assert poor is not None
        for step in range(1, 5):
            search.report(good, report(step, 0.9))
        continues = [search.report(poor, validation) for validation in course]
        assert continues == [True, True, True, False]
    if killed:
        cut_after(tmp_path / "journal", f'"op_code": {VALUE}')  # the decision was not recorded
    with open_study(spec, tmp_path) as study:
        search = SearchStage(spec, study, [])
        search.next_trial()
        again = search.next_trial()
        for validation in course:  # all that its checkpoint has, where it was killed; else it is no such trial
            if killed and again is not None and not search.report(again, validation):
                break
        trial_end = study.all_trials()[1].end
    assert trial_end is not None
    assert trial_end.outcome == Outcome.STOPPED_EARLY
