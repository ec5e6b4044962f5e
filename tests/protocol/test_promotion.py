"""Promotion: trials wait at rungs as an oracle says, the best ones continue, and restarts change nothing."""

import random
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol.disk_need import disk_need
from sweeper.protocol.promotion import is_waiting, most_waiting
from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.sweep import run_protocol
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.requests import StopRequest
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import report, scripted_jobs
from tests.support.pausing_searches import begin, ends, pausing_spec, searching, wait_with

FAILED = TrialEnd(Outcome.FAILED, "a broken trial")


@dataclass
class Place:
    """The state of a trial as the oracle has it: validations done, values at rungs, and how it is."""

    system: int
    done: int = 0
    values: dict[int, float] = field(default_factory=dict)
    state: str = "running"  # or waiting, failed, ended


class Oracle:
    """The promotions of a search, computed anew at each question from where its trials are."""

    def __init__(self, spec: SweepSpec) -> None:
        self.spec, self.rungs = spec, spec.rungs
        settings = spec.early_stopping_settings
        self.factor = getattr(settings, "reduction_factor", 0)
        self.places: dict[int, Place] = {}

    def of_system(self, system: int) -> dict[int, Place]:
        return {number: place for number, place in self.places.items() if place.system == system}

    def ranked(self, system: int, rung: int) -> list[int]:
        """Return the trials that reached a rung and have not failed, the best first."""
        own = self.of_system(system).items()
        values = [(-p.values[rung], number) for number, p in own if rung in p.values and p.state != "failed"]
        return [number for _, number in sorted(values)]

    def promotable(self, system: int, rung: int) -> list[int]:
        """Return the trials that may go on from a rung, the best first."""
        ranked = self.ranked(system, rung)
        allowed = len(ranked) // self.factor
        if allowed == 0 and not self.more_will_come(system, rung):
            allowed = 1
        places = [(number, self.places[number]) for number in ranked[:allowed]]
        return [number for number, place in places if place.state == "waiting" and place.done == rung]

    def is_startable(self, system: int) -> bool:
        return len(self.of_system(system)) < self.spec.trial_budget(system)

    def more_will_come(self, system: int, rung: int) -> bool:
        is_coming = any(p.state == "running" and p.done < rung for p in self.of_system(system).values())
        lower = [r for r in self.rungs if r < rung]
        return self.is_startable(system) or is_coming or any(self.promotable(system, r) for r in lower)

    def expected(self) -> list[int]:
        """Return the best promotable trial of each system at the highest rung that has any."""
        for rung in reversed(self.rungs):
            best = [self.promotable(system, rung)[:1] for system in range(len(self.spec.systems))]
            if any(best):
                return [number for numbers in best for number in numbers]
        return []


class CheckedSearch:
    """A search on a real record whose every decision an oracle checks. Its driver can be restarted."""

    def __init__(self, spec: SweepSpec, path: Path) -> None:
        self.spec, self.path, self.oracle = spec, path, Oracle(spec)
        self.promoted = self.idle = 0
        self.start()

    def start(self) -> None:
        self.study = OptunaStudy(self.spec, self.path, threads=1)
        self.stage = SearchStage(self.spec, self.study, [])

    def restart(self) -> None:
        """Kill the driver and start another. Interrupted trials run again before anything else."""
        running = sorted(self.stage.running)
        self.study.close()
        self.start()
        again = [self.stage.next_trial() for _ in running]
        assert sorted(trial.number for trial in again if trial) == running

    def next_trial(self) -> bool:
        """Let a free slot take a trial. Return False if there is none now."""
        expected = self.oracle.expected()
        trial = self.stage.next_trial()
        if trial is None:
            assert not expected
            assert not any(self.oracle.is_startable(system) for system in range(len(self.spec.systems)))
            self.idle += 1
            return False
        assert trial.number in expected if expected else trial.number not in self.oracle.places
        self.promoted += bool(expected)
        self.oracle.places.setdefault(trial.number, Place(trial.system)).state = "running"
        self._take_ends()
        return True

    def report(self, number: int, value: float) -> None:
        place, trial = self.oracle.places[number], self.stage.running[number]
        place.done += 1
        if place.done in self.oracle.rungs:
            place.values[place.done] = value
            place.state = "waiting"
        continues = self.stage.report(trial, report(place.done, value))
        assert continues == (place.state == "running")
        if place.done == trial.config.num_validations:
            self.stage.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
            place.state = "ended"
        self._take_ends()
        assert self.stage.will_continue(trial) == (place.state == "waiting")

    def fail(self, number: int) -> None:
        self.stage.trial_ended(self.stage.running[number], FAILED)
        self.oracle.places[number].state = "failed"
        self._take_ends()

    def _take_ends(self) -> None:
        """Take the trials that were stopped. None of them was promotable."""
        for record in self.study.all_trials():
            place = self.oracle.places.get(record.trial.number)
            if record.end is not None and place is not None and place.state == "waiting":
                assert record.end.is_by_early_stopping
                assert record.trial.number not in self.oracle.promotable(place.system, place.done)
                place.state = "ended"
            assert place is None or (place.state == "waiting") == is_waiting(self.spec, record)


def run_randomly(search: CheckedSearch, draw: random.Random, slots: int, failures: float, restarts: float) -> None:
    """Let trials start, report and fail in a random order, until the search is over."""
    while not search.stage.is_exhausted():
        running = sorted(search.stage.running)
        if draw.random() < restarts:
            search.restart()
        elif len(running) < slots and (draw.random() < 0.5 or not running):
            assert search.next_trial() or running
        elif running:
            number = draw.choice(running)
            if draw.random() < failures:
                search.fail(number)
            else:
                search.report(number, draw.choice([0.35, 0.4, 0.45, draw.random()]))


@pytest.mark.parametrize("failures", [0.0, 0.15])
@pytest.mark.parametrize("restarts", [0.0, 0.1])
def test_trials_are_promoted_as_an_oracle_says_in_any_order_of_events(
    tmp_path: Path, failures: float, restarts: float
) -> None:
    promoted = 0
    for seed in range(12):
        draw = random.Random(seed)
        losses, trials, factor = draw.choice([["ce"], ["ce", "lcl"]]), draw.randint(2, 16), draw.choice([2, 3])
        epochs, compare = draw.choice([3, 5]), {"encoder": ["m"], "loss": losses}
        spec = pausing_spec(trials, factor, epochs, compare=compare, retries=9, fail_fast_after=99, seed=seed)
        search = CheckedSearch(spec, tmp_path / str(seed))
        with closing(search.study):
            run_randomly(search, draw, draw.randint(1, 5), failures, restarts)
            places = search.oracle.places
            assert len(places) == trials
            assert {place.state for place in places.values()} <= {"ended", "failed"}
            for system in range(len(losses)):
                check_end(search.oracle, system)
        promoted += search.promoted
        search.study.close()
    assert promoted > 30


def check_end(oracle: Oracle, system: int) -> None:
    """Check a search that is over: of each rung the best continued, and one trial completed unless all failed."""
    own = oracle.of_system(system)
    for rung in oracle.rungs:
        ranked = oracle.ranked(system, rung)
        failed = sum(place.state == "failed" and rung in place.values for place in own.values())
        best = ranked[: max(1, len(ranked) // oracle.factor)]
        stopped = [number for number in best if own[number].done == rung]
        assert len(stopped) <= failed
    last = oracle.spec.max_epochs
    assert any(place.done == last for place in own.values()) or any(p.state == "failed" for p in own.values())


def test_a_trial_that_cannot_be_promoted_any_more_is_stopped_with_its_rank(tmp_path: Path) -> None:
    with searching(pausing_spec(trials=4, factor=4, epochs=3), tmp_path / "journal") as (study, stage):
        wait_with(stage, 0.5, 0.7, 0.6)
        assert ends(study) == {1: "stopped after epoch 1: 0.5000, rank 3, and the best of 4 continues"}
        wait_with(stage, 0.55)
        assert sorted(ends(study)) == [1, 4]
        assert begin(stage).number == 2
        assert sorted(ends(study)) == [1, 4]  # trial 3 is kept, in case that trial 2 fails


def complete(stage: SearchStage, trial: Trial) -> None:
    """Let a trial of three epochs that was promoted after the first report twice and complete."""
    for step in (2, 3):
        stage.report(trial, report(step, 0.5))
    stage.trial_ended(trial, TrialEnd(Outcome.COMPLETED))


def test_the_next_best_is_promoted_where_a_promoted_trial_fails(tmp_path: Path) -> None:
    with searching(pausing_spec(trials=3, factor=3, epochs=3), tmp_path / "journal") as (study, stage):
        wait_with(stage, 0.5, 0.7, 0.6)
        stage.trial_ended(begin(stage), FAILED)
        promoted = begin(stage)
        assert (promoted.number, promoted.attempt) == (3, 2)
        complete(stage, promoted)
        assert stage.is_exhausted()
        assert [it.end.outcome for it in study.all_trials() if it.end] == ["stopped_early", "failed", "completed"]


def test_less_is_better_where_the_objective_is_minimized(tmp_path: Path) -> None:
    spec = pausing_spec(trials=3, factor=3, epochs=3, objective={"minimize": "validation/loss"})
    with searching(spec, tmp_path / "journal") as (study, stage):
        for value in (0.5, 0.25, 0.75):
            assert not stage.report(begin(stage), ValidationReport(1, 1.0, {"validation/loss": value}))
        assert begin(stage).number == 2
        assert ends(study) == {3: "stopped after epoch 1: 0.7500, rank 3, and the best of 3 continues"}


def test_a_trial_that_reached_stop_at_does_not_wait_and_others_stay_for_a_larger_goal(tmp_path: Path) -> None:
    spec = pausing_spec(trials=6, epochs=3, objective={"maximize": "validation/accuracy", "stop_at": 0.9})
    with searching(spec, tmp_path / "journal") as (study, stage):
        first, second = begin(stage), begin(stage)
        assert not stage.report(first, report(1, 0.5))
        assert stage.report(second, report(1, 0.95))
        assert stage.next_trial() is None
        assert study.get(second).promoted_after == 1
    with searching(spec, tmp_path / "journal") as (study, stage):  # the driver was killed
        again = begin(stage)
        assert (again.number, again.attempt) == (2, 2)
        complete(stage, again)
        assert stage.is_exhausted()
        assert (len(stage.requeued), len(stage.promotion.waiting)) == (0, 1)
        assert study.get(first).end is None


def test_a_limit_leaves_waiting_trials_which_a_larger_budget_continues(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with searching(pausing_spec(budget={"trials": 6, "epochs": 3}), path) as (study, stage):
        wait_with(stage, 0.5, 0.6, 0.7)
        assert stage.is_exhausted()
        assert (len(stage.promotion.waiting), ends(study)) == (3, {})
    with searching(pausing_spec(budget={"trials": 6, "epochs": 30}), path) as (_, stage):
        assert begin(stage).number == 3


def test_a_user_stops_a_trial_that_waits(tmp_path: Path) -> None:
    with searching(pausing_spec(), tmp_path / "journal") as (study, stage):
        discarded: list[int] = []
        stage.discard = lambda trial: discarded.append(trial.number)
        wait_with(stage, 0.5)
        stage.requests = lambda: [StopRequest(1)]
        stage.take_requests()
        assert discarded == [1]
        (record,) = study.all_trials()
        assert record.end is not None
        assert record.end.is_by_user
        assert not stage.promotion.waiting


def test_a_race_begins_once_nothing_waits(tmp_path: Path) -> None:
    spec = pausing_spec(trials=8, factor=3, epochs=2, racing=2)
    with searching(spec, tmp_path / "journal") as (study, stage):
        wait_with(stage, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
        for _ in range(2):
            trial = begin(stage)
            stage.report(trial, report(2, 0.5))
            stage.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
        assert sorted(ends(study)) == [1, 2, 3, 4, 5, 6]
        raced = begin(stage)
        assert raced.race_of
        assert stage.report(raced, report(1, 0.1))  # it does not wait


def test_the_sampler_takes_a_waiting_trial_for_a_stopped_one_until_it_completes(tmp_path: Path) -> None:
    with searching(pausing_spec(trials=2, epochs=2), tmp_path / "journal") as (study, stage):

        def seen() -> list[TrialState]:
            return [it.state for it in study.studies.searches[0].get_trials(deepcopy=False)]

        wait_with(stage, 0.3, 0.5)
        assert seen() == [TrialState.PRUNED, TrialState.PRUNED]
        promoted = begin(stage)
        (stopped,) = [it for it in study.studies.searches[0].get_trials() if it.user_attrs["number"] == promoted.number]
        assert (stopped.state, stopped.value) == (TrialState.PRUNED, 0.5)
        stage.report(promoted, report(2, 0.6))
        stage.trial_ended(promoted, TrialEnd(Outcome.COMPLETED))
        assert sorted(seen()) == [TrialState.COMPLETE, TrialState.PRUNED]


@pytest.mark.parametrize("start", ["random", "quasi_random"])
def test_restarts_do_not_change_the_proposals_of_tpe(tmp_path: Path, start: str) -> None:
    search = {"batch_size": [4, 8], "normalize": [True, False]}  # few settings, so that stopped ones are repeated
    spec = pausing_spec(trials=14, sampler="tpe", search=search, tpe={"start_trials": 3, "start": start})

    def run(path: Path, *, restarts: bool) -> list[TrialRecord]:
        draw = random.Random(1)
        search = CheckedSearch(spec, path)
        while not search.stage.is_exhausted():
            if restarts:
                search.restart()
            if not search.stage.running:
                search.next_trial()
            (number,) = search.stage.running
            search.report(number, draw.random())
        with closing(search.study):
            return list(search.study.all_trials())

    undisturbed, disturbed = run(tmp_path / "one", restarts=False), run(tmp_path / "other", restarts=True)
    assert [it.trial.params for it in disturbed] == [it.trial.params for it in undisturbed]
    assert [it.reports for it in disturbed] == [it.reports for it in undisturbed]
    assert [it.end for it in disturbed] == [it.end for it in undisturbed]


def test_promoted_trials_continue_from_their_checkpoints_and_no_file_is_left(tmp_path: Path) -> None:
    spec, began = pausing_spec(trials=9, factor=3, confirm={"seeds": 1}), []
    jobs = scripted_jobs(tmp_path)
    train = jobs.search.train

    def noting_train(config: Any, data: Any, saved: Path | None) -> Any:
        began.append(saved.read_text().count("\n") if saved is not None and saved.exists() else 0)
        return train(config, data, saved)

    object.__setattr__(jobs.search, "train", noting_train)
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        run_protocol(spec, study, InlineRunner(1, 0), [], jobs, TrialResources(1, 0, 1))
        records = [record for record in study.all_trials() if record.trial.is_of_search]
    lengths = sorted(len(record.reports) for record in records)
    assert lengths[:6] == [1] * 6
    assert lengths[-1] == 4
    assert [len(record.reports) for record in records if record.promoted_after == 3] == [4]
    assert began.count(1) == sum(length > 1 for length in lengths)
    assert not [*tmp_path.rglob("checkpoint-*")]


def test_waiting_trials_count_in_the_disk_that_checkpoints_need() -> None:
    spec, stopping = pausing_spec(trials=12, factor=3), pausing_spec(trials=12, early_stopping={"asha": {}})
    assert most_waiting(stopping, 0, slots=2) == 0
    assert most_waiting(spec, 0, slots=2) == 12  # two rungs with 4 places and 2 in reserve each
    assert most_waiting(spec, 0, slots=1) == 10
    assert disk_need(spec, [10], slots=1) - disk_need(stopping, [10], slots=1) == 10 * 12 * 10
