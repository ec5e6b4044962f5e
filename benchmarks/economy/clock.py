"""A simulated clock: some workers train the trials of a search, whose curves are known in advance."""

import heapq
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from benchmarks.economy.problem import Problem
from benchmarks.economy.settings import Setting


@dataclass(frozen=True)
class Training:
    """A part of a trial: it goes on after `done` validations. `number` and `seed` stay the same in all parts."""

    number: int
    setting: Setting
    seed: int
    done: int = 0


@dataclass(frozen=True)
class Choice:
    """The setting of a system that a search would confirm, with the score that it reports for it."""

    setting: Setting
    score: float


class Search(Protocol):
    """A search as a user runs it, up to the settings that it chooses."""

    def next_training(self) -> Training | None:
        """Return what a free worker trains now. None means nothing, or nothing until a running training reports."""

    def report(self, training: Training, step: int, accuracy: float) -> bool:
        """Take validation `step` (from 1) of a training. Return False if it stops or pauses here."""

    def finish(self, training: Training) -> None:
        """Take the end of a training that ran to its last validation."""

    def chosen(self) -> Mapping[str, Choice]:
        """Return the chosen setting of each system that has one, by loss."""

    def close(self) -> None:
        """Delete what the search keeps on the disk."""


@dataclass(frozen=True)
class Cost:
    """The cost of a search: epochs of training, and hours on the clock."""

    epochs: float
    hours: float


def run_search(search: Search, problem: Problem, workers: int, validations_per_epoch: int = 2) -> Cost:
    """Run a search to its end with this many workers, and return what it spent."""
    events: list[tuple[float, int, Training, int]] = []  # time, place in the queue, training, its next validation
    order, now, validations = itertools.count(), 0.0, 0
    while True:
        while len(events) < workers and (training := search.next_training()) is not None:
            due = now + problem.step_seconds(training.setting)
            heapq.heappush(events, (due, next(order), training, training.done + 1))
        if not events:
            return Cost(validations / validations_per_epoch, now / 3600)
        now, _, training, step = heapq.heappop(events)
        validations += 1
        accuracy = float(problem.curve(training.setting, training.seed)[step - 1])
        continues = search.report(training, step, accuracy)
        if continues and step == problem.num_steps:
            search.finish(training)
        elif continues:
            heapq.heappush(events, (now + problem.step_seconds(training.setting), next(order), training, step + 1))
