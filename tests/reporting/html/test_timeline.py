"""The timeline infers workers from starts and ends, and cuts out long pauses."""

import itertools
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol.promotion import count_promotions
from sweeper.protocol.sweep import run_protocol
from sweeper.record.optuna_study import OptunaStudy
from sweeper.reporting.html.timeline import assign_workers, build_timeline, elapsed_hours, find_pauses
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import TrialRecord
from tests.reporting.html.helpers import confirmed_spec, report_data
from tests.support.fake_sweeps import BEGAN, MINUTE, FakeSweep
from tests.support.fakes import scripted_jobs
from tests.support.pausing_searches import pausing_spec


def test_there_are_as_many_workers_as_trials_that_ran_at_once() -> None:
    assert assign_workers([]) == []
    assert assign_workers([(0, 3), (0, 1), (1, 2), (2, 5), (3, 4), (3.5, 6)]) == [0, 1, 1, 1, 0, 2]
    sweep = FakeSweep(confirmed_spec(), workers=3).search().confirm()
    bars = build_timeline(report_data(sweep)).bars
    assert {bar.worker for bar in bars} == {0, 1, 2}
    for a, b in itertools.combinations(bars, 2):
        assert a.worker != b.worker or a.end <= b.start or b.end <= a.start
    assert sum(bar.is_confirmation for bar in bars) == 6
    assert {bar.attempts for bar in bars} == {1, 2}


def test_a_night_between_two_runs_is_cut_out_and_recorded_as_a_pause() -> None:
    sweep = FakeSweep(confirmed_spec(trials=12), workers=2).search([Outcome.COMPLETED])
    night = 15 * 60 * MINUTE
    middle = max(moment for record in sweep.records[:6] for moment in (*record.report_times, record.ended_at or 0))
    late = [delay(record, night) if record.started_at >= middle else record for record in sweep.records]
    before = build_timeline(report_data(sweep))
    after = build_timeline(replace(report_data(sweep), records=late))
    assert before.pauses == []
    ((moment, hours),) = after.pauses
    assert hours == pytest.approx(15, abs=0.5)
    assert 0 < moment < max(bar.end for bar in after.bars) < 2
    assert elapsed_hours(replace(report_data(sweep), records=late)) > 15


def delay(record: TrialRecord, milliseconds: int) -> TrialRecord:
    return replace(
        record,
        started_at=record.started_at + milliseconds,
        report_times=tuple(time + milliseconds for time in record.report_times),
        ended_at=(record.ended_at or 0) + milliseconds,
    )


@pytest.mark.parametrize("moments", [[], [5], [0, 60], [0, 60, 120, 180], [0, 1, 60, 61, 120, 121, 180, 181]])
def test_usual_gaps_are_not_pauses(moments: list[float]) -> None:
    assert find_pauses(moments) == []


def test_a_trial_that_has_not_ended_is_drawn_up_to_its_last_report() -> None:
    sweep = FakeSweep(confirmed_spec(trials=2), workers=1).search([None])
    bars = build_timeline(report_data(sweep)).bars
    assert [bar.end - bar.start for bar in bars] == pytest.approx([3 / 60, 3 / 60])
    assert sweep.records[0].report_times == (BEGAN + 3 * MINUTE,)


def test_a_trial_that_waited_at_rungs_has_a_bar_for_each_part(tmp_path: Path) -> None:
    spec, jobs = pausing_spec(trials=9, factor=3), scripted_jobs(tmp_path)
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        run_protocol(spec, study, InlineRunner(1, 0), [], jobs, TrialResources(1, 0, 1))
        records = list(study.all_trials())
    report = replace(report_data(FakeSweep(confirmed_spec(), workers=1).search()), spec=spec, records=records)
    bars = build_timeline(report).bars
    parts = Counter(bar.trial for bar in bars)
    assert {record.trial.number: parts[record.trial.number] for record in records} == {
        record.trial.number: 1 + count_promotions(spec, record) for record in records
    }
    assert len(bars) > len(records)
    assert {bar.attempts for bar in bars} == {1}  # nothing was interrupted
    for number, count in parts.items():
        own = sorted((bar.start, bar.end) for bar in bars if bar.trial == number)
        assert len(own) == count
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(own))
