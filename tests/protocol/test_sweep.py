"""A sweep on a real record: shares of the budget, resumption, lost workers, and what trackers are told."""

from contextlib import closing
from pathlib import Path

import pytest

from sweeper.errors import SweeperError, SweepFailedError
from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol import results, sweep
from sweeper.protocol.search_stage import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.new_sweep import create_sweep
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import RecordingTracker, report, scripted_jobs
from tests.support.search_spaces import small_spec
from tests.support.studies import open_study

LOST = TrialEnd(Outcome.FAILED, "its worker process died")
SEARCH = {"batch_size": {"int": [2, 64]}, "alpha": {"uniform": [0.1, 0.9]}}


def spec(tau: float = 1, **changes: object) -> SweepSpec:
    training = {"epochs": 3, "tau": float(tau)}
    return small_spec(**{"search": SEARCH, "training": training, "asha": "off", **changes})


def run(spec: SweepSpec, folder: Path) -> RecordingTracker:
    tracker = RecordingTracker()
    with open_study(spec, folder) as study:
        sweep.run_protocol(spec, study, InlineRunner(1, 0), [tracker], scripted_jobs(folder), TrialResources(1, 0, 1))
    return tracker


def test_every_system_gets_its_share_and_trackers_hear_of_all_trials(tmp_path: Path) -> None:
    tracker = run(spec(budget={"trials": 7}), tmp_path)
    systems = [record.trial.system for record in tracker.states.values()]
    assert sorted(tracker.states) == list(range(1, 8))
    assert (systems.count(0), systems.count(1)) == (4, 3)
    assert all(record.outcome == Outcome.COMPLETED for record in tracker.states.values())
    assert tracker.order[0] == (1, 0, False)


def test_finished_sweep_runs_no_trial_and_a_larger_budget_continues_it(tmp_path: Path) -> None:
    first = run(spec(budget={"trials": 4}), tmp_path)
    resumed = run(spec(budget={"trials": 4}), tmp_path)
    assert resumed.states == first.states
    assert sorted(run(spec(budget={"trials": 6}), tmp_path).states) == [1, 2, 3, 4, 5, 6]


def test_checkpoints_of_ended_trials_left_by_a_killed_driver_are_removed(tmp_path: Path) -> None:
    run(spec(budget={"trials": 2}), tmp_path)
    left = tmp_path / "trials" / "1" / "checkpoint-1.pt"
    left.parent.mkdir(parents=True)
    left.write_text("an orphaned worker wrote this after its trial had ended")
    run(spec(budget={"trials": 3}), tmp_path)
    assert not left.parent.parent.exists()


def test_interrupted_trial_continues_under_its_number_before_new_trials(tmp_path: Path) -> None:
    with open_study(spec(), tmp_path) as study:
        search = SearchStage(spec(), study, [])
        interrupted = search.next_trial()
        assert interrupted is not None
        search.report(interrupted, report(1, 0.5))
    with open_study(spec(), tmp_path) as study:
        resumed = SearchStage(spec(), study, []).next_trial()
        assert resumed is not None
        assert (resumed.number, resumed.attempt, resumed.config) == (interrupted.number, 2, interrupted.config)


def test_trial_fails_after_losing_its_worker_too_often(tmp_path: Path) -> None:
    with open_study(spec(), tmp_path) as study:
        search = SearchStage(spec(budget={"trials": 2}), study, [])
        numbers = []
        for _ in range(3):  # once, and two retries
            trial = search.next_trial()
            assert trial is not None
            numbers.append(trial.number)
            search.worker_lost(trial, LOST)
        assert numbers == [1, 1, 1]
        trial_end = study.all_trials()[0].end
        assert trial_end == TrialEnd(Outcome.FAILED, "its worker process died, 3 times")
        following = search.next_trial()
        assert following is not None
        assert following.number == 2


def test_events_of_an_abandoned_attempt_are_ignored(tmp_path: Path) -> None:
    with open_study(spec(), tmp_path) as study:
        search = SearchStage(spec(), study, [])
        first = search.next_trial()
        assert first is not None
        search.worker_lost(first, LOST)
        second = search.next_trial()
        assert second is not None
        assert (second.number, second.attempt) == (first.number, 2)
        assert not search.report(first, report(1, 0.9))
        search.trial_ended(first, TrialEnd(Outcome.COMPLETED))
        search.worker_lost(first, LOST)
        assert study.get(second).reports == ()
        assert study.get(second).end is None
        assert search.report(second, report(1, 0.4))


def test_losses_and_notes_are_printed_with_the_trial_number(tmp_path: Path) -> None:
    messages: list[str] = []
    with open_study(spec(), tmp_path) as study:
        search = SearchStage(spec(), study, [], messages.append)
        trial = search.next_trial()
        assert trial is not None
        search.notify(trial, "checkpoint-1.pt cannot be read")
        search.notify(None, "the raylet of Ray died")
        search.worker_lost(trial, LOST)
    assert messages == [
        "trial 1: checkpoint-1.pt cannot be read",
        "the raylet of Ray died",
        "trial 1: its worker process died; it continues from its last checkpoint",
    ]


def test_running_out_of_memory_too_often_is_an_outcome(tmp_path: Path) -> None:
    sweep_spec = spec(budget={"trials": 2}, retries=1)
    with open_study(sweep_spec, tmp_path) as study:
        search = SearchStage(sweep_spec, study, [])
        for _ in range(2):
            trial = search.next_trial()
            assert trial is not None
            search.worker_lost(trial, TrialEnd(Outcome.OUT_OF_MEMORY, "no memory"))
        assert study.all_trials()[0].end == TrialEnd(Outcome.OUT_OF_MEMORY, "no memory, 2 times")


def test_number_of_retries_comes_from_the_search_space(tmp_path: Path) -> None:
    sweep_spec = spec(budget={"trials": 2}, retries=0)
    with open_study(sweep_spec, tmp_path) as study:
        search = SearchStage(sweep_spec, study, [])
        trial = search.next_trial()
        assert trial is not None
        search.worker_lost(trial, LOST)
        assert study.all_trials()[0].end == TrialEnd(Outcome.FAILED, "its worker process died, once")


def test_sweep_stops_with_one_reason_if_its_first_trials_all_fail(tmp_path: Path) -> None:
    sweep_spec = spec(tau=3, budget={"trials": 12}, fail_fast_after=4, compare={"encoder": ["m"], "loss": ["lcl"]})
    for total in (4, 8):  # the same command tries again with what is left of the budget
        with pytest.raises(SweeperError) as error_info:
            run(sweep_spec, tmp_path)
        first, second, third = str(error_info.value).splitlines()
        assert first == f"{tmp_path.name}: the first 4 trials all failed: ValueError: a broken trial"
        assert second.startswith(f"trial {total - 3}: encoder m, loss lcl, batch_size ")
        assert Path(second.rpartition("traceback: ")[2]).read_text().endswith("ValueError: a broken trial\n")
        assert "--fresh" in third
        with open_study(sweep_spec, tmp_path) as study:
            assert len(study.all_trials()) == total


def test_other_outcomes_than_failed_do_not_stop_the_sweep(tmp_path: Path) -> None:
    with pytest.raises(SweepFailedError, match="none of the 8 trials succeeded: 8 diverged"):
        run(spec(tau=2, budget={"trials": 8}, fail_fast_after=2), tmp_path)


def test_trial_that_predicts_one_class_to_its_end_has_collapsed(tmp_path: Path) -> None:
    with pytest.raises(SweepFailedError, match="none of the 2 trials succeeded: 2 collapsed"):
        run(spec(tau=4, budget={"trials": 2}), tmp_path)
    with open_study(spec(), tmp_path) as study:
        assert {record.end.outcome for record in study.all_trials() if record.end} == {Outcome.COLLAPSED}


def test_end_of_a_trial_is_recorded_before_trackers_hear_of_it(tmp_path: Path) -> None:
    class ReadingTracker(RecordingTracker):
        def update(self, records: object) -> None:
            for record in study.all_trials():
                seen.append(record.end)

    seen: list[TrialEnd | None] = []
    with open_study(spec(), tmp_path) as study:
        search = SearchStage(spec(), study, [ReadingTracker()])
        trial = search.next_trial()
        assert isinstance(trial, Trial)
        search.report(trial, report(1, 0.5))
        search.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
    assert seen[-1] == TrialEnd(Outcome.COMPLETED)


def test_results_have_the_best_setting_of_each_system(tmp_path: Path) -> None:
    sweep_spec = spec(budget={"trials": 6}, compare={"encoder": ["m"], "loss": ["scl", "lcl"]})
    run(sweep_spec, tmp_path)
    folder = create_sweep(tmp_path / "sweeps", sweep_spec, {"rows": "x"}, 1)
    with open_study(sweep_spec, tmp_path) as study:
        records = study.all_trials()
        sweep_results = results.build_results(sweep_spec, folder, records)
    alphas = {record.trial.number: float(record.trial.params["alpha"]) for record in records}  # the accuracies
    best_of = {}
    for system, result in enumerate(sweep_results.systems):
        own = [record.trial.number for record in records if record.trial.system == system]
        best = best_of[system] = max(own, key=alphas.__getitem__)
        assert result.best is not None
        assert (result.best.trial, result.best.score) == (best, alphas[best])
        assert result.best.params == {"batch_size": records[best - 1].trial.params["batch_size"], "alpha": alphas[best]}
        assert result.outcomes == {"completed": 3}
    assert sweep_results.best_trial == max(best_of.values(), key=alphas.__getitem__)


def test_example_record_of_this_format_can_be_read_and_continued(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes((Path(__file__).parents[1] / "record" / "format-2.journal").read_bytes())
    sweep_spec = spec(budget={"trials": 6})
    with open_study(sweep_spec, tmp_path) as study:
        records = study.all_trials()
    assert [record.trial.number for record in records] == [1, 2, 3, 4]
    assert {record.end.outcome for record in records if record.end} == {Outcome.COMPLETED}
    assert all([report.step for report in record.reports] == [1, 2, 3] for record in records)
    assert len(run(sweep_spec, tmp_path).states) == 6  # the sweep continues


def test_infrastructure_faults_are_counted_separately_and_end_the_trial_eventually(tmp_path: Path) -> None:
    sweep_spec = spec(budget={"trials": 2}, retries=0)
    with closing(OptunaStudy(sweep_spec, tmp_path / "record.journal", threads=1)) as open_study:
        search = SearchStage(sweep_spec, open_study, [])
        trial = search.next_trial()
        assert trial is not None
        for _ in range(5):
            search.worker_lost(trial, LOST, infrastructure_fault=True)
            trial = search.next_trial()
            assert trial is not None
            assert open_study.get(trial).end is None
        search.worker_lost(trial, LOST, infrastructure_fault=True)
        assert open_study.get(trial).end == TrialEnd(Outcome.FAILED, f"{LOST.reason}, 6 times")
