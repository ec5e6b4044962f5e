"""Sweeps that were never run, as the record would have them: every outcome and every stage, without training."""

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
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_manifest import SweepManifest
from sweeper.training.config import Scalar
from sweeper.training.types import Predictions, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestAccess, TestScore, Trial, TrialEnd, TrialRecord

MINUTE = 60_000
BEGAN = 1_763_700_000_000
OUTCOMES = (*[Outcome.COMPLETED] * 4, *[Outcome.STOPPED_EARLY] * 6)
OUTCOMES += (Outcome.DIVERGED, Outcome.COLLAPSED, Outcome.FAILED)


class FakeSweep:
    """A sweep on `workers` workers. `search` and `confirm` add the records of a stage.

    `predictions` are those of the confirmed models by trial, the same on both splits.
    """

    def __init__(
        self, spec: SweepSpec, labels: Sequence[str] = ("bad", "fair", "good"), workers: int = 2, texts: int = 60
    ) -> None:
        self.spec, self.labels, self.texts = spec, tuple(labels), texts
        self.random, self.numbers = random.Random(spec.seed), count(1)
        self.free_at = [0.0] * workers  # minutes after the sweep began
        self.records: list[TrialRecord] = []
        self.test_accesses: list[TestAccess] = []
        self.predictions: dict[int, Predictions] = {}

    def search(self, outcomes: Sequence[Outcome | None] = OUTCOMES) -> "FakeSweep":
        """Run the whole search. Its trials have these outcomes in turn, and from the start again."""
        for system in range(len(self.spec.systems)):
            for k in range(self.spec.trial_budget(system)):
                trial = replace(self._new_trial(system, self._sample_params(system)), bracket=self.spec.bracket_of(k))
                self.records.append(self._run(trial, outcomes[(k + system) % len(outcomes)]))
        return self

    def confirm(self, outcome: Outcome = Outcome.COMPLETED) -> "FakeSweep":
        """Run the confirmation, and score the test split."""
        for source, seed_index in pending(self.spec, self.records):
            trial = self._new_trial(source.system, dict(source.params))
            self.records.append(self._run(replace(trial, source_trial=source.number, seed_index=seed_index), outcome))
        for trial in trials_to_score(self.spec, self.records):
            at = BEGAN + int(max(self.free_at) * MINUTE)
            self.test_accesses.append(TestAccess(at, trial.number, trial.config.seed))
            predictions = self.predictions[trial.number] = self._predict(trial)
            accuracy = float((predictions.predicted_classes == predictions.labels).mean())
            score = TestScore(at, 1, {"test/accuracy": accuracy, "test/macro_f1": accuracy})
            position = next(k for k, record in enumerate(self.records) if record.trial == trial)
            self.records[position] = replace(self.records[position], test=score)
        return self

    def results(self, path: Path = Path("sweeps/sst5-3f9a1c2e")) -> SweepResults:
        """Return the results of the sweep as it stands."""
        return build_results(self.spec, SweepFolder(path, self.manifest), self.records, self.test_accesses)

    @property
    def manifest(self) -> SweepManifest:
        """The values that were fixed when the sweep began."""
        return SweepManifest(
            identity=self.spec.identity,
            resolved={"dataset": "c0ffee", "m": "facade"},
            threads=4,
            labels=self.labels,
            splits={"test": {"texts": self.texts, "digest": "0123456789abcdef"}},
        )

    def _sample_params(self, system: int) -> dict[str, Scalar]:
        params, space = dict(self.spec.systems[system]), self.spec.space
        for hyperparameter in space.searched_hyperparameters():
            branch = hyperparameter.active_branch({**space.fixed_values, **params})
            if branch is not None:
                params[hyperparameter.name] = self._sample(branch.domain)
        return params

    def _sample(self, domain: Domain) -> Scalar:
        if isinstance(domain, Categorical):
            return self.random.choice(domain.values)
        if isinstance(domain, Float):
            u = self.random.random()
            linear = domain.low + u * (domain.high - domain.low)
            return float(domain.low * (domain.high / domain.low) ** u) if domain.log else linear
        return self.random.choice(domain.enumerate_values())

    def _new_trial(self, system: int, params: dict[str, Scalar]) -> Trial:
        number = next(self.numbers)
        return Trial(number, system, params, self.spec.train_config(params, seed=1000 + number, threads=4))

    def _run(self, trial: Trial, outcome: Outcome | None) -> TrialRecord:
        """Return the record of a trial with this outcome, on the worker that is free first."""
        worker = self.free_at.index(min(self.free_at))
        start, reports = self.free_at[worker], list(self._validate(trial, outcome))
        end = start + 3 * (len(reports) + 1) + self.random.random()
        self.free_at[worker] = end
        has_reason = outcome is not None and not outcome.is_healthy
        return TrialRecord(
            trial=replace(trial, attempt=2) if trial.number % 7 == 0 else trial,
            reports=tuple(reports),
            report_times=tuple(BEGAN + int((start + 3 * (k + 1)) * MINUTE) for k in range(len(reports))),
            started_at=BEGAN + int(start * MINUTE),
            end=TrialEnd(outcome, "why it is so" if has_reason else "") if outcome else None,
            ended_at=BEGAN + int(end * MINUTE) if outcome else None,
        )

    def _validate(self, trial: Trial, outcome: Outcome | None) -> Iterator[ValidationReport]:
        """Yield the reports that a trial with this outcome makes before its end."""
        planned = trial.config.num_validations
        lengths = {Outcome.COMPLETED: planned, Outcome.STOPPED_EARLY: min(2, planned), Outcome.COLLAPSED: 2, None: 1}
        alpha = trial.params.get("alpha", 0.5)
        best = 0.55 - 0.1 * abs(float(alpha) - 0.3) + 0.01 * self.random.gauss(0, 1)
        for step in range(1, lengths.get(outcome, 0) + 1):
            dip = 0.03 if step < planned and step == 2 else 0
            accuracy = 0.25 if outcome == Outcome.COLLAPSED else best - 0.2 / step - dip
            metrics = {"validation/accuracy": accuracy, "validation/macro_f1": accuracy - 0.01, "seconds": 180.0}
            yield ValidationReport(step, float(step), metrics)

    def _predict(self, trial: Trial) -> Predictions:
        """Return the predictions of a model: mostly correct, otherwise a neighbor of the correct class."""
        generator, num_classes = np.random.default_rng(trial.number), len(self.labels)
        labels = np.arange(self.texts, dtype=np.int64) % num_classes
        predicted = np.clip(labels + generator.choice([0, 0, 0, 1, -1], self.texts), 0, num_classes - 1)
        probabilities = 0.3 * generator.dirichlet(np.ones(num_classes), self.texts).astype(np.float32)
        probabilities[np.arange(self.texts), predicted] += 0.7
        return Predictions(labels, probabilities)
