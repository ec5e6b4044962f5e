"""Promotion: a naive oracle makes the same choices, no worker idles, and no epoch is trained twice."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from optuna.trial import TrialState

from benchmarks.economy.clock import Choice, Training, run_search
from benchmarks.economy.ladder import Ladder
from benchmarks.economy.problem import Problem
from benchmarks.economy.promotion_search import PromotionSearch
from benchmarks.economy.record import SPACE
from benchmarks.economy.settings import LOSSES
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.yaml_file import load_yaml
from tests.benchmarks.fake_curves import fake_rows

LAST = 6  # validations of a whole training
BY_THIRDS = "asha={grace_epochs: 0.5, reduction_factor: 3}"  # rungs after validations 1 and 3
BY_HALVES = "asha={grace_epochs: 0.5, reduction_factor: 2}"  # rungs after validations 1, 2 and 4


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem("mine", fake_rows(parse_spec(load_yaml(SPACE)), settings=8, noise=0.05), candidates=4)


@dataclass
class Place:
    """The state of a trial: its validations done, the one at which it pauses or ends, its values at rungs."""

    done: int
    target: int
    values: dict[int, float] = field(default_factory=dict)


class Oracle:
    """The promotions of one system, computed anew at each question from where its trials are."""

    def __init__(self, rungs: tuple[int, ...], reduction_factor: int, share: int) -> None:
        self.rungs, self.reduction_factor, self.share = rungs, reduction_factor, share
        self.places: dict[int, Place] = {}

    def go_on(self, number: int, done: int) -> None:
        place = self.places.setdefault(number, Place(0, 0))
        assert place.done == place.target == done
        place.target = min([rung for rung in self.rungs if rung > done], default=LAST)

    def arrive(self, number: int, step: int, value: float) -> None:
        place = self.places[number]
        assert step == place.done + 1 <= place.target
        place.done = step
        if step in self.rungs:
            place.values[step] = value

    def is_startable(self) -> bool:
        return len(self.places) < self.share

    def promotable(self, rung: int) -> list[int]:
        """Return the trials that may go on from a rung, the best first."""
        ranked = sorted((-p.values[rung], number) for number, p in self.places.items() if rung in p.values)
        allowed = len(ranked) // self.reduction_factor
        if allowed == 0 and ranked and not self.more_will_come(rung):
            allowed = 1
        return [number for _, number in ranked[:allowed] if self.places[number].target == rung]

    def more_will_come(self, rung: int) -> bool:
        is_coming = any(place.done < place.target <= rung for place in self.places.values())
        return self.is_startable() or is_coming or any(self.promotable(r) for r in self.rungs if r < rung)


class WatchedSearch:
    """A search each of whose decisions an oracle for each system checks."""

    def __init__(self, search: PromotionSearch) -> None:
        self.search = search
        self.oracles = [Oracle(ladder.rungs, ladder.reduction_factor, ladder.share) for ladder in search.ladders]
        self.promoted = self.idle = 0

    def next_training(self) -> Training | None:
        rungs = self.search.ladders[0].rungs
        expected = [(rung, oracle.promotable(rung)) for rung in reversed(rungs) for oracle in self.oracles]
        best = [(rung, numbers[0]) for rung, numbers in expected if numbers]
        training = self.search.next_training()
        if training is None:
            assert not best
            assert not any(oracle.is_startable() for oracle in self.oracles)
            self.idle += 1
            return None
        self.promoted += training.done > 0
        assert (training.done, training.number) in (best if best else [(0, training.number)])
        assert training.done == max((rung for rung, _ in best), default=0)
        self._oracle(training).go_on(training.number, training.done)
        return training

    def report(self, training: Training, step: int, accuracy: float) -> bool:
        oracle = self._oracle(training)
        oracle.arrive(training.number, step, accuracy)
        continues = self.search.report(training, step, accuracy)
        assert continues == (step not in oracle.rungs)
        return continues

    def finish(self, training: Training) -> None:
        self.search.finish(training)

    def chosen(self) -> Mapping[str, Choice]:
        return self.search.chosen()

    def close(self) -> None:
        self.search.close()

    def _oracle(self, training: Training) -> Oracle:
        return self.oracles[LOSSES.index(training.setting["loss"])]


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize(("trials", "asha"), [(6, BY_THIRDS), (30, BY_THIRDS), (25, BY_HALVES)])
def test_the_search_promotes_as_an_oracle_does_and_no_worker_idles(
    problem: Problem, trials: int, asha: str, workers: int
) -> None:
    search = PromotionSearch(problem, trials, 7, ["sampler=random", asha])
    watched = WatchedSearch(search)
    cost = run_search(watched, problem, workers)
    places = [place for oracle in watched.oracles for place in oracle.places.values()]
    assert len(places) == trials
    assert all(place.done == place.target for place in places)
    assert cost.epochs == sum(place.done for place in places) / 2
    assert watched.promoted >= 3 * len(search.ladders[0].rungs)
    assert watched.idle >= 1  # at the end
    for oracle in watched.oracles:
        assert any(place.done == LAST for place in oracle.places.values())
        assert not any(oracle.promotable(rung) for rung in oracle.rungs)
    assert set(search.chosen()) == set(LOSSES)
    for choice in search.chosen().values():
        assert choice.score in {max(search.values[number]) for number in search.completed}


def test_a_ladder_promotes_as_an_oracle_does_in_any_order_of_events() -> None:
    for seed in range(60):
        draw = random.Random(seed)
        factor, share, rungs = draw.choice([2, 3, 4]), draw.randint(1, 14), draw.choice([(1, 3), (2,), (1, 2, 4)])
        ladder, oracle = Ladder(rungs, factor, share), Oracle(rungs, factor, share)
        while True:
            open_rungs = [k for k in range(len(rungs)) if ladder.promotable(k)]
            assert [ladder.promotable(k) for k in range(len(rungs))] == [oracle.promotable(rung) for rung in rungs]
            training = [number for number, place in oracle.places.items() if place.done < place.target]
            moves = ["start"] * oracle.is_startable() + ["promote"] * bool(open_rungs) + ["train"] * bool(training)
            if not moves:
                break
            move = draw.choice(moves)
            if move == "start":
                oracle.go_on(len(oracle.places) + 1, 0)
            elif move == "promote":
                k = draw.choice(open_rungs)
                oracle.go_on(ladder.promote(k), rungs[k])
            else:
                number = draw.choice(training)
                step, value = oracle.places[number].done + 1, draw.choice([0.1, 0.2, 0.3, draw.random()])
                oracle.arrive(number, step, value)
                assert ladder.pause(number, step, value) == (step in rungs)


def test_a_share_below_the_reduction_factor_promotes_its_best_once_all_have_paused() -> None:
    ladder = Ladder([2], 3, 2)
    assert ladder.pause(1, 2, 0.4)
    assert ladder.promotable(0) == []
    assert ladder.pause(2, 2, 0.5)
    assert ladder.promote(0) == 2
    assert ladder.promotable(0) == []


def test_a_promotion_stands_and_a_better_trial_joins_it() -> None:
    ladder = Ladder([2], 3, 12)
    for number, value in enumerate([0.1, 0.2, 0.3], start=1):
        ladder.pause(number, 2, value)
    assert ladder.promote(0) == 3
    for number, value in enumerate([0.4, 0.25], start=4):
        ladder.pause(number, 2, value)
    assert ladder.promotable(0) == [4]
    ladder.pause(6, 2, 0.5)
    assert ladder.promotable(0) == [6, 4]


def test_the_sampler_takes_a_paused_trial_for_a_stopped_one_until_it_completes(problem: Problem) -> None:
    search = PromotionSearch(problem, 9, 0, ["sampler=tpe", "asha={grace_epochs: 1.5, reduction_factor: 3}"])
    study = search.studies.searches[0]

    def seen() -> list[TrialState]:
        return [trial.state for trial in study.get_trials(deepcopy=False)]

    first = search.next_training()
    assert first is not None
    assert [search.report(first, step, 0.5 + step / 100) for step in (1, 2)] == [True, True]
    assert seen() == [TrialState.RUNNING]
    assert not search.report(first, 3, 0.53)
    assert seen() == [TrialState.PRUNED]
    (stopped,) = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    assert stopped.value == 0.53
    for step in (4, 5, 6):
        search.report(first, step, 0.5)
        assert seen() == [TrialState.PRUNED]
    search.finish(first)
    assert seen() == [TrialState.COMPLETE]
    assert study.best_value == 0.53
