"""A cell of the published table: one system on one data set, what its fresh seeds scored, and what is odd about it.

Nothing odd is mended here, and nothing is left out: a mark says it, and the table has a note for each mark.
"""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from sweeper.errors import RecordError
from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.statistics import Correct, Estimate
from sweeper.protocol.sweep_results import SeedResult, SweepResults, SystemResult
from sweeper.reporting.table.systems import SystemKey, system_of
from sweeper.trials.outcome import Outcome


class Caveat(StrEnum):
    """What can be odd about a cell; the value is what the note says, in the order of the notes."""

    UNCONFIRMED = "not confirmed with fresh seeds, and so never tested"
    UNTESTED = "confirmed, but the data set has no test split"
    INCOMPLETE = "fewer seeds were scored than planned"
    ENDED_BADLY = "seeds that did not end well; what left a model is scored all the same"
    LIMITED = "only a part of the rows was used"
    SECOND_TEST_ACCESS = "a second look: the setting was chosen anew after another one of this cell had been tested"
    NOT_COMPARED = "left out of the tests: what its models answered is not at hand"


@dataclass(frozen=True)
class TableCell:
    """One system on one data set. `scores` are of the test split in [0, 1], by trial; `marks` say what is odd, how far.

    `interval` and `bold` are for comparisons.py to set.
    """

    source: FinishedSweep
    sweep: SweepResults
    found: SystemResult
    system: SystemKey
    scores: Mapping[int, float]
    caveats: Mapping[Caveat, str]
    interval: Estimate | None = None
    bold: bool = False

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return self.sweep.dataset

    @property
    def seeds(self) -> Sequence[SeedResult]:
        """Its trainings with fresh seeds, scored or not."""
        return self.found.confirmation.seeds if self.found.confirmation else ()

    @cached_property
    def mean(self) -> float | None:
        """The mean score over its seeds; None where none was scored."""
        return statistics.fmean(self.scores.values()) if self.scores else None

    @cached_property
    def sd(self) -> float | None:
        """The standard deviation (n - 1) of its seeds' scores; None below two."""
        return statistics.stdev(self.scores.values()) if len(self.scores) > 1 else None

    @property
    def test_accesses(self) -> int:
        """How often the test split was opened for its seeds."""
        own = {seed.trial for seed in self.seeds}
        return sum(test_access.trial in own for test_access in self.sweep.test_accesses)

    def answers(self) -> list[TestPredictions]:
        """What each of its scored models answered; none where that is not at hand for all.

        Raises RecordError where it contradicts the scores, which are accuracies.
        """
        found = [(trial, self.source.predictions.get(trial)) for trial in self.scores]
        for trial, one in found:
            if one is not None:
                self._check(trial, one)
        every = [one for _, one in found if one is not None]
        return every if len(every) == len(found) else []

    def _check(self, trial: int, answers: TestPredictions) -> None:
        score, right = self.scores[trial], answers.labels == answers.predictions
        texts = self.sweep.test_split.texts if self.sweep.test_split else 0
        if len(right) != texts or abs(float(right.mean()) - score) * texts > 0.5:
            raise RecordError(
                f"{self.sweep.sweep}: trial {trial} scored {score:.4f} on {texts:,} test texts, but its answers are "
                f"right for {right.mean():.4f} of {len(right):,}: one of the two was altered"
            )


def correct_matrix(answers: Sequence[TestPredictions]) -> Correct:
    """Whether each model was right about each text, (S, N)."""
    return np.stack([one.labels == one.predictions for one in answers])


def build_cells(source: FinishedSweep, metric: str) -> list[TableCell]:
    """The cells of a finished sweep, by a metric of the test split: test/accuracy. Raises RecordError."""
    sweep = source.results
    return [_cell(source, sweep, found, metric) for found in sweep.systems]


def _cell(source: FinishedSweep, sweep: SweepResults, found: SystemResult, metric: str) -> TableCell:
    seeds = found.confirmation.seeds if found.confirmation else ()
    scores = {seed.trial: _score(sweep, seed, metric) for seed in seeds if seed.test is not None}
    return TableCell(source, sweep, found, system_of(sweep, found), scores, _marks(sweep, found, len(scores)))


def _score(sweep: SweepResults, seed: SeedResult, metric: str) -> float:
    score = (seed.test or {}).get(metric)
    if score is None or not 0 <= score <= 1:
        raise RecordError(f"{sweep.sweep}: trial {seed.trial} has {score} as {metric}, where a share must stand")
    return score


def _marks(sweep: SweepResults, found: SystemResult, scored: int) -> dict[Caveat, str]:
    """What is odd about a cell, and how far."""
    confirmed = found.confirmation
    limited = ", ".join(f"{rows:,} of {split}" for split, rows in sweep.subsample.items())
    marks = {Caveat.LIMITED: limited} if limited else {}
    if confirmed is None or not confirmed.seeds:
        completed = found.outcomes.get(Outcome.COMPLETED, 0)
        return {Caveat.UNCONFIRMED: "" if completed else "nothing completed in its search", **marks}
    if sweep.test_split is None:
        return {Caveat.UNTESTED: "", **marks}
    bad = Counter(seed.outcome for seed in confirmed.seeds if seed.outcome != Outcome.COMPLETED)
    if scored < confirmed.planned_seeds:
        marks[Caveat.INCOMPLETE] = f"{scored} of {confirmed.planned_seeds}"
    if bad:
        marks[Caveat.ENDED_BADLY] = ", ".join(f"{count} {outcome.label}" for outcome, count in bad.items())
    if confirmed.tested_settings > 1:
        marks[Caveat.SECOND_TEST_ACCESS] = f"{confirmed.tested_settings} settings tested"
    return marks
