"""Simulated sweeps follow the protocol and end at a known time, and the estimates of their past are counted."""

import math
from pathlib import Path
from random import Random

import pytest

from benchmarks.time_left.__main__ import main, table_row
from benchmarks.time_left.bound import best_estimates
from benchmarks.time_left.replay import SHARES, Estimate, find_span, record_at, replay
from benchmarks.time_left.shapes import LIMITS, make_player, redraw_slow_part, simulated_sweep
from benchmarks.time_left.timed_sweep import BEGAN
from sweeper.protocol.confirmation import trials_to_score
from sweeper.protocol.search_budget import SearchBudget
from sweeper.record.optuna_study import OptunaStudy
from sweeper.storage.new_sweep import create_sweep


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("number", [1, 2])
def test_a_simulated_sweep_is_whole_and_always_the_same(number: int, limit: str) -> None:
    sweep = simulated_sweep(number, limit)
    assert sweep.records == simulated_sweep(number, limit).records
    assert not trials_to_score(sweep.spec, sweep.records)
    unfinished = [record for record in sweep.records if record.end is None]
    limit_end = SearchBudget(sweep.spec, sweep.records, sweep.sessions).find_end()
    assert limit_end is not None or not unfinished
    searched = [record for record in sweep.records if record.trial.is_of_search]
    assert limit_end is not None or len(searched) == sweep.spec.budget.trials
    for record in sweep.records:
        assert record.started_at < min(record.report_times)
        assert list(record.report_times) == sorted(record.report_times)
    times = [(record.started_at, record.report_times[-1]) for record in searched]
    assert max(sum(begin <= at < end for begin, end in times) for at, _ in times) <= sweep.slots


def test_the_past_of_a_trial_has_what_was_known_then() -> None:
    record = max(simulated_sweep(1).records, key=lambda it: len(it.reports))
    then = record_at(record, record.report_times[1])
    assert len(then.reports) == len(then.report_times) == 2
    assert (then.end, then.ended_at, then.test) == (None, None, None)
    assert record_at(record, float("inf")) == record


def test_a_replay_knows_the_truth() -> None:
    estimates = replay(simulated_sweep(2))
    assert [it.share for it in estimates] == list(SHARES)
    wholes = [it.truth / (1 - it.share) for it in estimates]
    assert max(wholes) - min(wholes) < 0.01


@pytest.mark.parametrize("limit", LIMITS)
def test_a_continuation_has_the_same_past_and_another_future(limit: str) -> None:
    sweep, player = simulated_sweep(1, limit), make_player(1, limit)
    begin, end = find_span(sweep)
    at = begin + 0.4 * (end - begin)
    player.play((at - BEGAN) / 1000)
    ends = []
    for seed in range(3):
        other = player.fork(player.machine, Random(seed), (at - BEGAN) / 1000).play()
        known = [record for record in sweep.records if record.started_at <= at]
        assert [record_at(it, at) for it in other.records[: len(known)]] == [record_at(it, at) for it in known]
        assert all(record.started_at > at for record in other.records[len(known) :])
        ends.append(find_span(other)[1])
    assert len(set(ends)) == 3
    assert player.play().records == sweep.records


def test_a_step_that_is_under_way_at_a_fork_is_drawn_again_and_ends_later() -> None:
    number = 3  # its steps differ by 30 %
    before, after = simulated_sweep(number).records[0].report_times[:2]
    at = (before + 0.8 * (after - before) - BEGAN) / 1000
    player = make_player(number)
    player.play(at)
    forks = [player.fork(player.machine, Random(seed), at).play() for seed in range(20)]
    ends = [sweep.records[0].report_times[1] for sweep in forks]
    assert len(set(ends)) == len(ends)
    assert min(ends) > BEGAN + 1000 * at
    assert min(ends) < after < max(ends)


def test_a_machine_that_is_slow_for_a_while_was_so_before_a_fork() -> None:
    random = Random(0)
    assert redraw_slow_part((10, 20), 30, random) == (10, 20)
    begun = [redraw_slow_part((10, 20), 15, random) for _ in range(50)]
    assert {begin for begin, _ in begun} == {10}
    assert all(end > 15 for _, end in begun)
    assert all(redraw_slow_part((10, 20), 5, random)[0] > 5 for _ in range(50))
    assert all(redraw_slow_part((math.inf, math.inf), 5, random)[0] > 5 for _ in range(50))


def test_the_best_answer_is_near_to_most_continuations() -> None:
    """In sweep 4, chance decides little; the answers come from other random numbers than the truth."""
    bests = best_estimates(4, "none", continuations=8)
    assert [it.share for it in bests] == list(SHARES)
    assert all(it.is_close for it in bests)
    assert any(it.estimate != it.truth for it in bests)


def test_close_estimates_are_counted_by_part_of_the_sweep() -> None:
    good = [Estimate(share, 120, 100) for share in SHARES]
    late = [Estimate(share, 134 if share > 0.88 else None if share < 0.27 else 67, 100) for share in SHARES]
    assert table_row("two", [good, late]) == "| two | 0.90 | 0.90 | 1.00 | 1.00 | 0.50 | 1 of 2 |"


def test_the_table_has_a_row_for_each_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--simulated", "1", "--first", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(LIMITS)


def test_the_bound_is_a_second_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--simulated", "1", "--first", "1", "--limit", "none", "--bound", "2"]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| limit: none", "| the best possible"]


def test_a_sweep_without_trials_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = simulated_sweep(1).spec
    folder = create_sweep(tmp_path, spec, {}, 1, ["a", "b"], {}, [])
    folder.write_spec(spec)
    OptunaStudy(spec, folder.journal, threads=1).close()
    assert main([str(folder.path)]) == 2
    assert capsys.readouterr().err == f"{folder.path}: has no trials; name a finished sweep\n"


def test_a_folder_that_is_no_sweep_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no/such/sweep"]) == 2
    assert "not the folder of a sweep" in capsys.readouterr().err
