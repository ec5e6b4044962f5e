"""Sweeps that were never run, as the record would have them: every outcome, every stage, in no time."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from sweeper.protocol.confirmation import pending, trials_to_score
from sweeper.protocol.results import build_results
from sweeper.protocol.sweep_results import SweepResults
from sweeper.search_space.domains import Categorical, Domain, Float
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, SweepManifest
from sweeper.training.config import Scalar
from sweeper.training.types import Predictions, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestAccess, TestScore, Trial, TrialEnd, TrialRecord

MINUTE = 60_000
BEGAN = 1_763_700_000_000
ENDS = (*[Outcome.COMPLETED] * 4, *[Outcome.STOPPED_EARLY] * 6, Outcome.DIVERGED, Outcome.COLLAPSED, Outcome.FAILED)


class Story:
    """A sweep on `workers` workers; `search` and `confirm` tell what happens next."""

    def __init__(
        self, spec: SweepSpec, labels: Sequence[str] = ("bad", "fair", "good"), workers: int = 2, texts: int = 60
    ) -> None:
        self.spec, self.labels, self.texts = spec, tuple(labels), texts
        self.random, self.numbers = random.Random(spec.seed), count(1)
        self.free = [0.0] * workers  # minutes after the beginning
        self.recorded: list[TrialRecord] = []
        self.test_accesses: list[TestAccess] = []
        self.answers: dict[int, Predictions] = {}  # of the confirmed models, on either split

    def search(self, ends: Sequence[Outcome | None] = ENDS) -> "Story":
        """The whole search; `ends` are how its trials end, one after the other and again."""
        for system in range(len(self.spec.systems)):
            for k in range(self.spec.trial_budget(system)):
                trial = self._trial(system, self._params(system))
                self.recorded.append(self._course(trial, ends[(k + system) % len(ends)]))
        return self

    def confirm(self, end: Outcome = Outcome.COMPLETED) -> "Story":
        """What is to be confirmed, and then the test split."""
        for of, repeat in pending(self.spec, self.recorded):
            trial = replace(self._trial(of.system, dict(of.params)), source_trial=of.number, seed_index=repeat)
            self.recorded.append(self._course(trial, end))
        for trial in trials_to_score(self.spec, self.recorded):
            at = BEGAN + int(max(self.free) * MINUTE)
            self.test_accesses.append(TestAccess(at, trial.number, trial.config.seed))
            answers = self.answers[trial.number] = self._answers(trial)
            accuracy = float((answers.probabilities.argmax(axis=1) == answers.labels).mean())
            scored = TestScore(at, 1, {"test/accuracy": accuracy, "test/macro_f1": accuracy})
            place = next(k for k, one in enumerate(self.recorded) if one.trial == trial)
            self.recorded[place] = replace(self.recorded[place], test=scored)
        return self

    def results(self, path: Path = Path("sweeps/sst5-3f9a1c2e")) -> SweepResults:
        """The results of it as it stands."""
        return build_results(self.spec, SweepFolder(path, self.frozen), self.recorded, self.test_accesses)

    @property
    def frozen(self) -> SweepManifest:
        """What was fixed when it began."""
        whole = self.spec.model_dump(mode="json")
        test = {"texts": self.texts, "digest": "0123456789abcdef"}
        return SweepManifest(
            self.spec.identity, whole, {"dataset": "c0ffee", "m": "facade"}, 4, "", self.labels, {"test": test}
        )

    def _params(self, system: int) -> dict[str, Scalar]:
        params, space = dict(self.spec.systems[system]), self.spec.space
        for hyperparameter in space.searched_hyperparameters():
            branch = hyperparameter.active_branch({**space.fixed_values, **params})
            if branch is not None:
                params[hyperparameter.name] = self._value(branch.domain)
        return params

    def _value(self, domain: Domain) -> Scalar:
        if isinstance(domain, Categorical):
            return self.random.choice(domain.values)
        if isinstance(domain, Float):
            u = self.random.random()
            return (
                domain.low * (domain.high / domain.low) ** u
                if domain.log
                else domain.low + u * (domain.high - domain.low)
            )
        return self.random.choice(domain.enumerate_values())

    def _trial(self, system: int, params: dict[str, Scalar]) -> Trial:
        number = next(self.numbers)
        return Trial(number, system, params, self.spec.train_config(params, seed=1000 + number, threads=4))

    def _course(self, trial: Trial, outcome: Outcome | None) -> TrialRecord:
        """A trial with this end, on the worker that is free first."""
        slot = self.free.index(min(self.free))
        started, epochs = self.free[slot], list(self._epochs(trial, outcome))
        ended = started + 3 * (len(epochs) + 1) + self.random.random()
        self.free[slot] = ended
        ill = outcome is not None and not outcome.is_healthy
        return TrialRecord(
            trial=replace(trial, attempt=2) if trial.number % 7 == 0 else trial,
            reports=tuple(epochs),
            report_times=tuple(BEGAN + int((started + 3 * (k + 1)) * MINUTE) for k in range(len(epochs))),
            started_at=BEGAN + int(started * MINUTE),
            end=TrialEnd(outcome, "why it is so" if ill else "") if outcome else None,
            ended_at=BEGAN + int(ended * MINUTE) if outcome else None,
        )

    def _epochs(self, trial: Trial, outcome: Outcome | None) -> Iterator[ValidationReport]:
        whole = trial.config.num_validations
        steps = {Outcome.COMPLETED: whole, Outcome.STOPPED_EARLY: min(2, whole), Outcome.COLLAPSED: 2, None: 1}.get(
            outcome, 0
        )
        alpha = trial.params.get("alpha", 0.5)
        top = 0.55 - 0.1 * abs(float(alpha) - 0.3) + 0.01 * self.random.gauss(0, 1)
        for step in range(1, steps + 1):
            accuracy = (
                0.25 if outcome == Outcome.COLLAPSED else top - 0.2 / step - (0.03 if step < whole and step == 2 else 0)
            )
            metrics = {"validation/accuracy": accuracy, "validation/macro_f1": accuracy - 0.01, "seconds": 180.0}
            yield ValidationReport(step, float(step), metrics)

    def _answers(self, trial: Trial) -> Predictions:
        """What a model answers: mostly right, or a neighbour of the right class."""
        generator, classes = np.random.default_rng(trial.number), len(self.labels)
        labels = np.arange(self.texts, dtype=np.int64) % classes
        taken = np.clip(labels + generator.choice([0, 0, 0, 1, -1], self.texts), 0, classes - 1)
        probabilities = 0.3 * generator.dirichlet(np.ones(classes), self.texts).astype(np.float32)
        probabilities[np.arange(self.texts), taken] += 0.7
        return Predictions(labels, probabilities)
