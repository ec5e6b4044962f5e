"""The story of a sweep over a real record: shares, resumption, losses of workers, and what is told to whom."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SweeperError
from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol import collapse, results, sweep
from sweeper.protocol.stages import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import create_sweep
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import RecordingTracker, report, scripted_jobs
from tests.support.search_spaces import small_spec

LOST = TrialEnd(Outcome.FAILED, "its worker process died")
SEARCH = {"batch_size": {"int": [1, 64]}, "alpha": {"uniform": [0.1, 0.9]}}


def spec(tau: float = 1, **changes: object) -> SweepSpec:
    training = {"epochs": 3, "tau": float(tau)}
    return small_spec(**{"search": SEARCH, "training": training, "asha": "off", **changes})


def study(spec: SweepSpec, folder: Path) -> OptunaStudy:
    return OptunaStudy(spec, folder / "journal", threads=1)


def run(spec: SweepSpec, folder: Path) -> RecordingTracker:
    watching = RecordingTracker()
    with closing(study(spec, folder)) as record:
        assert sweep.run_protocol(
            spec, record, InlineRunner(1, 0), [watching], scripted_jobs(folder), TrialResources(1, 0, 1)
        )
    return watching


def test_every_system_gets_its_share_and_all_are_told(tmp_path: Path) -> None:
    told = run(spec(budget={"trials": 7}), tmp_path)
    systems = [state.trial.system for state in told.states.values()]
    assert sorted(told.states) == list(range(1, 8))
    assert (systems.count(0), systems.count(1)) == (4, 3)
    assert all(state.end and state.end.outcome == Outcome.COMPLETED for state in told.states.values())
    assert told.order[0] == (1, 0, False)


def test_a_finished_sweep_runs_nothing_more_and_a_larger_budget_goes_on(tmp_path: Path) -> None:
    first = run(spec(budget={"trials": 4}), tmp_path)
    again = run(spec(budget={"trials": 4}), tmp_path)
    assert again.states == first.states
    assert sorted(run(spec(budget={"trials": 6}), tmp_path).states) == [1, 2, 3, 4, 5, 6]


def test_checkpoints_that_a_killed_driver_left_of_ended_trials_are_removed(tmp_path: Path) -> None:
    run(spec(budget={"trials": 2}), tmp_path)
    left = tmp_path / "trials" / "1" / "checkpoint-1.pt"
    left.parent.mkdir(parents=True)
    left.write_text("an orphaned worker wrote this after its trial had ended")
    run(spec(budget={"trials": 3}), tmp_path)
    assert not left.parent.parent.exists()


def test_a_trial_that_was_cut_off_goes_on_under_its_number_before_new_ones(tmp_path: Path) -> None:
    with closing(study(spec(), tmp_path)) as record:
        search = SearchStage(spec(), record, [])
        cut = search.next_trial()
        assert cut is not None
        search.report(cut, report(1, 0.5))
    with closing(study(spec(), tmp_path)) as record:
        again = SearchStage(spec(), record, []).next_trial()
        assert again is not None
        assert (again.number, again.attempt, again.config) == (cut.number, 2, cut.config)


def test_a_trial_whose_worker_is_lost_again_and_again_fails(tmp_path: Path) -> None:
    with closing(study(spec(), tmp_path)) as record:
        search = SearchStage(spec(budget={"trials": 2}), record, [])
        numbers = []
        for _ in range(3):  # once, and two retries
            trial = search.next_trial()
            assert trial is not None
            numbers.append(trial.number)
            search.worker_lost(trial, LOST)
        assert numbers == [1, 1, 1]
        finish = record.all_trials()[0].end
        assert finish == TrialEnd(Outcome.FAILED, "its worker process died, 3 times")
        following = search.next_trial()
        assert following is not None
        assert following.number == 2


def test_what_an_attempt_says_that_was_given_up_is_ignored(tmp_path: Path) -> None:
    with closing(study(spec(), tmp_path)) as record:
        search = SearchStage(spec(), record, [])
        first = search.next_trial()
        assert first is not None
        search.worker_lost(first, LOST)
        second = search.next_trial()
        assert second is not None
        assert (second.number, second.attempt) == (first.number, 2)
        assert not search.report(first, report(1, 0.9))
        search.trial_ended(first, TrialEnd(Outcome.COMPLETED))
        search.worker_lost(first, LOST)
        assert record.get(second).reports == ()
        assert record.get(second).end is None
        assert search.report(second, report(1, 0.4))


def test_losses_and_notes_are_said_with_the_trials_number(tmp_path: Path) -> None:
    said: list[str] = []
    with closing(study(spec(), tmp_path)) as record:
        search = SearchStage(spec(), record, [], said.append)
        trial = search.next_trial()
        assert trial is not None
        search.notify(trial, "checkpoint-1.pt cannot be read")
        search.notify(None, "the raylet of Ray died")
        search.worker_lost(trial, LOST)
    assert said == [
        "trial 1: checkpoint-1.pt cannot be read",
        "the raylet of Ray died",
        "trial 1: its worker process died; it continues from its last checkpoint",
    ]


def test_memory_that_runs_out_again_and_again_is_the_outcome(tmp_path: Path) -> None:
    asked = spec(budget={"trials": 2}, retries=1)
    with closing(study(asked, tmp_path)) as record:
        search = SearchStage(asked, record, [])
        for _ in range(2):
            trial = search.next_trial()
            assert trial is not None
            search.worker_lost(trial, TrialEnd(Outcome.OUT_OF_MEMORY, "no memory"))
        assert record.all_trials()[0].end == TrialEnd(Outcome.OUT_OF_MEMORY, "no memory, 2 times")


def test_retries_are_those_of_the_file(tmp_path: Path) -> None:
    asked = spec(budget={"trials": 2}, retries=0)
    with closing(study(asked, tmp_path)) as record:
        search = SearchStage(asked, record, [])
        trial = search.next_trial()
        assert trial is not None
        search.worker_lost(trial, LOST)
        assert record.all_trials()[0].end == TrialEnd(Outcome.FAILED, "its worker process died, once")


def test_a_sweep_whose_first_trials_all_fail_alike_stops_and_says_why_once(tmp_path: Path) -> None:
    asked = spec(tau=3, budget={"trials": 12}, fail_fast_after=4, compare={"encoder": ["m"], "loss": ["lcl"]})
    for total in (4, 8):  # the same command tries again with what is left of the budget
        with pytest.raises(SweeperError) as caught:
            run(asked, tmp_path)
        first, second, third = str(caught.value).splitlines()
        assert first == "the first 4 trials all failed: ValueError: a broken trial"
        assert second.startswith(f"trial {total - 3}: encoder m, loss lcl, batch_size ")
        assert Path(second.rpartition("traceback: ")[2]).read_text().endswith("ValueError: a broken trial\n")
        assert "--fresh" in third
        with closing(study(asked, tmp_path)) as record:
            assert len(record.all_trials()) == total


def test_other_ends_than_failure_are_no_reason_to_stop(tmp_path: Path) -> None:
    told = run(spec(tau=2, budget={"trials": 8}, fail_fast_after=2), tmp_path)
    assert len(told.states) == 8


def test_one_class_for_all_is_a_collapse_whatever_its_score(tmp_path: Path) -> None:
    told = run(spec(tau=4, budget={"trials": 2}), tmp_path)
    lcl = [state.end for state in told.states.values() if state.trial.params["loss"] == "lcl"]
    assert [finish.outcome for finish in lcl if finish] == [Outcome.COLLAPSED]


def collapsing(folder: Path, shares: list[float | None], **changes: Any) -> list[bool]:
    """Whether a trial goes on after each validation; `shares` are those of its largest class, None without one."""
    with closing(study(spec(**changes), folder)) as record:
        search = SearchStage(spec(**changes), record, [])
        trial = search.next_trial()
        assert trial is not None
        goes_on = []
        for step, share in enumerate(shares, start=1):
            found = {"train/loss": 1.0} if share is None else report(step, 0.3, classes=1 / share).metrics
            goes_on.append(search.report(trial, ValidationReport(step, float(step), found)))
        if not goes_on[-1]:
            finish = record.all_trials()[0].end
            assert finish is not None
            assert finish.outcome == Outcome.COLLAPSED
            assert not search.running
        return goes_on


LONG = {"epochs": 8, "tau": 1.0}


@pytest.mark.parametrize(
    ("shares", "goes_on"),
    [
        ([1, 1, 1, 1], [True, True, True, False]),  # two running, both past the two grace epochs
        ([1, 1, 0.98, 0.99], [True, True, True, False]),
        ([1, 1, 1, 0.97, 1], [True] * 5),
        ([1, 1, 0.97, 0.97, 0.97], [True] * 5),
        ([None, 1, 1, 1, 1], [True, True, True, True, False]),  # a phase without a classifier passes by
    ],
)
def test_one_class_twice_running_past_the_grace_epochs_is_a_collapse(
    tmp_path: Path, shares: list[float | None], goes_on: list[bool]
) -> None:
    assert collapsing(tmp_path, shares, training=LONG) == goes_on


def test_a_validation_split_of_nearly_one_class_is_no_collapse() -> None:
    metrics = {"validation/largest_class": 0.985, "validation/majority": 0.985}
    assert not collapse.predicts_one_class(ValidationReport(1, 1.0, metrics))
    assert collapse.predicts_one_class(ValidationReport(1, 1.0, {**metrics, "validation/largest_class": 1.0}))


def test_the_grace_epochs_are_those_of_the_file(tmp_path: Path) -> None:
    asha = {"grace_epochs": 4, "reduction_factor": 2}
    assert collapsing(tmp_path, [1.0] * 6, training=LONG, asha=asha) == [True] * 5 + [False]


def test_hours_that_are_over_start_nothing(tmp_path: Path) -> None:
    with closing(study(spec(), tmp_path)) as record:
        search = SearchStage(spec(budget={"trials": 4, "hours": 1e-15}), record, [])
        assert search.next_trial() is None
        assert search.is_exhausted()
        assert search.has_pending


def test_what_ended_a_trial_is_in_the_record_before_the_trackers_hear_of_it(tmp_path: Path) -> None:
    class Asking(RecordingTracker):
        def update(self, recorded: object) -> None:
            for one in record.all_trials():
                seen.append(one.end)

    seen: list[TrialEnd | None] = []
    with closing(study(spec(), tmp_path)) as record:
        search = SearchStage(spec(), record, [Asking()])
        trial = search.next_trial()
        assert isinstance(trial, Trial)
        search.report(trial, report(1, 0.5))
        search.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
    assert seen[-1] == TrialEnd(Outcome.COMPLETED)


def test_results_have_the_best_of_each_system(tmp_path: Path) -> None:
    asked = spec(budget={"trials": 6})
    run(asked, tmp_path)
    folder = create_sweep(tmp_path / "sweeps", asked, {"rows": "x"}, 1)
    with closing(study(asked, tmp_path)) as record:
        recorded = record.all_trials()
        found = results.build_results(asked, folder, recorded)
    for system, entry in enumerate(found.systems):
        scores = [
            one.trial.params["alpha"] for one in recorded if one.trial.system == system and "alpha" in one.trial.params
        ]
        if scores:
            assert entry.best is not None
            assert entry.best.score == max(scores)
        assert entry.outcomes == {"completed": 3}
    assert found.best_trial in range(1, 7)


def test_a_record_of_this_format_written_by_an_earlier_version_still_reads(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes((Path(__file__).parents[1] / "record" / "format-2.journal").read_bytes())
    asked = spec(budget={"trials": 6})
    with closing(study(asked, tmp_path)) as record:
        recorded = record.all_trials()
    assert [one.trial.number for one in recorded] == [1, 2, 3, 4]
    assert {one.end.outcome for one in recorded if one.end} == {Outcome.COMPLETED}
    assert all([report.step for report in one.reports] == [1, 2, 3] for one in recorded)
    assert len(run(asked, tmp_path).states) == 6  # and it goes on


def test_losses_that_were_no_fault_of_a_trial_are_counted_apart_and_end_it_in_the_end(tmp_path: Path) -> None:
    asked = spec(budget={"trials": 2}, retries=0)
    with closing(OptunaStudy(asked, tmp_path / "record.journal", threads=1)) as study:
        search = SearchStage(asked, study, [])
        trial = search.next_trial()
        assert trial is not None
        for _ in range(5):
            search.worker_lost(trial, LOST, infrastructure_fault=True)
            trial = search.next_trial()
            assert trial is not None
            assert study.get(trial).end is None
        search.worker_lost(trial, LOST, infrastructure_fault=True)
        assert study.get(trial).end == TrialEnd(Outcome.FAILED, f"{LOST.reason}, 6 times")
