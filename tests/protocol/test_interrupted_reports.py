"""Kills between a report's metrics, its value and the verdict: short stories that the simulation found, or missed."""

from contextlib import closing
from pathlib import Path

import pytest

from sweeper.protocol.stages import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from tests.support.fakes import report
from tests.support.record_invariants import VALUE
from tests.support.simulation.sweep import simulated_spec

ONE = {"encoder": ["m"], "loss": ["ce"]}


def cut_after(path: Path, mark: str) -> None:
    """The last record with this mark is the last that a kill left."""
    lines = path.read_bytes().splitlines(keepends=True)
    last = max(k for k, line in enumerate(lines) if mark.encode() in line)
    path.write_bytes(b"".join(lines[: last + 1]))


def opened(spec: SweepSpec, folder: Path) -> OptunaStudy:
    return OptunaStudy(spec, folder / "journal", threads=1)


def test_a_report_whose_value_was_cut_off_came_before_those_that_follow(tmp_path: Path) -> None:
    spec = simulated_spec(compare=ONE)
    with closing(opened(spec, tmp_path)) as study:
        good, poor = study.ask(0), study.ask(0)
        study.report(good, report(1, 0.9))
    cut_after(tmp_path / "journal", "report:1")
    with closing(opened(spec, tmp_path)) as study:
        goes_on = study.report(study.restart(poor), report(1, 0.1)).end is None
        study.report(study.restart(good), report(1, 0.9))
    assert not goes_on  # and if it had, it would be stopped when it is asked again: the other's time is the earlier


@pytest.mark.parametrize("killed", [False, True])
def test_what_asha_stops_and_has_collapsed_is_stopped_early_after_a_kill_too(tmp_path: Path, killed: bool) -> None:
    spec = simulated_spec(compare=ONE, search={"batch_size": [4, 8]}, training={"epochs": 5}, asha={
        "grace_epochs": 2, "reduction_factor": 2,
    })  # fmt: skip
    course = [report(1, 0.9), report(2, 0.9), report(3, 0.9, classes=1), report(4, 0.1, classes=1)]
    with closing(opened(spec, tmp_path)) as study:
        search = SearchStage(spec, study, [])
        good, poor = search.next_trial(), search.next_trial()
        assert good is not None
        assert poor is not None
        for step in range(1, 5):
            search.report(good, report(step, 0.9))
        goes_on = [search.report(poor, said) for said in course]
        assert goes_on == [True, True, True, False]
    if killed:
        cut_after(tmp_path / "journal", f'"op_code": {VALUE}')  # the verdict was not kept
    with closing(opened(spec, tmp_path)) as study:
        search = SearchStage(spec, study, [])
        search.next_trial()
        again = search.next_trial()
        for said in course:  # all that its checkpoint has, where it was killed; else it is no such trial
            if killed and again is not None and not search.report(again, said):
                break
        finish = study.all_trials()[1].end
    assert finish is not None
    assert finish.outcome == Outcome.STOPPED_EARLY
