"""Sweeps in real folders with real records, in which nothing was trained: each trial reports what a test wants."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sweeper.protocol.confirmation import pending, trials_to_score
from sweeper.protocol.results import results_of_study
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.training.types import ValidationReport
from sweeper.trials.borrowed import BorrowedTrials
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.search_spaces import small_spec

SPACE: Mapping[str, Any] = {
    "compare": {"encoder": ["gru"], "loss": ["ce", "scl"]},
    "search": {"alpha": {"uniform": [0.1, 0.9]}, "learning_rate": {"log": [1e-5, 1e-3]}},
    "training": {"epochs": 4},
    "asha": {"grace_epochs": 1, "reduction_factor": 2},
    "budget": {"trials": 8},
    "confirm": {"seeds": 2},
}
LABELS = ("bad", "good")
TEST_SCORES: Mapping[str, float] = {"test/accuracy": 0.5, "test/macro_f1": 0.5}
SPLITS: Mapping[str, Any] = {"test": {"texts": 100, "digest": "0123456789abcdef"}}


class RecordedSweep:
    """A sweep in `sweeps`. Each method adds to its record, as a driver that then stops would leave it."""

    def __init__(
        self,
        sweeps: Path,
        *,
        splits: Mapping[str, Any] = SPLITS,
        encoders: Mapping[str, Any] | None = None,
        measured: Mapping[str, float] | None = None,
        borrowed: Sequence[BorrowedTrials] = (),
        **changes: Any,
    ) -> None:
        """Make the folder. `splits`, `encoders` and `borrowed` are those of its manifest.

        `changes` replace keys of its space. Each report has the metrics `measured` besides those of every training.
        """
        self.measured = measured or {}
        self.spec: SweepSpec = small_spec(**{**SPACE, **changes})
        resolved = {"dataset": "c0ffee", "rows": "0123456789abcdef"}
        self.folder: SweepFolder = create_sweep(sweeps, self.spec, resolved, 1, LABELS, splits, (), borrowed, encoders)

    def study(self) -> "closing[OptunaStudy]":
        """Return the record, locked as by a driver until it is closed."""
        return closing(OptunaStudy(self.spec, self.folder.journal, 1))

    def search(self, outcomes: Sequence[Outcome | None] = (Outcome.COMPLETED,)) -> "RecordedSweep":
        """Run a trial with each outcome in each system. Without an outcome, it is interrupted after a validation.

        Later trials are worse, so that early stopping stops some; not interrupted ones.
        """
        with self.study() as study:
            for k, outcome in enumerate(outcomes):
                for system in range(len(self.spec.systems)):
                    self._train(study, study.ask(system), outcome, 0.7 if outcome is None else 0.5 - 0.05 * k)
        return self

    def finish(
        self, scores: Mapping[str, float] = TEST_SCORES, ends: Mapping[int, Outcome] | None = None
    ) -> "RecordedSweep":
        """Run the confirmation, score the test split with these `scores`, and write the results.

        `ends` are the outcomes of fresh seeds that do not complete, by the index of the seed in every system.
        """
        with self.study() as study:
            for source, seed_index in pending(self.spec, study.all_trials()):
                end = (ends or {}).get(seed_index, Outcome.COMPLETED)
                self._train(study, study.confirm(source, seed_index), end, 0.45 + 0.01 * seed_index)
            for trial in trials_to_score(self.spec, study.all_trials()):
                study.record_test_access(trial)
                study.record_test_score(trial, ValidationReport(4, 4.0, scores))
            results = results_of_study(self.spec, self.folder, study)
        self.folder.write_results(results.to_json())
        return self

    def _train(self, study: OptunaStudy, trial: Trial, outcome: Outcome | None, best: float) -> None:
        steps = 4 if outcome == Outcome.COMPLETED else 1
        for step in range(1, steps + 1):
            accuracy = best - 0.2 / step
            metrics = {"validation/accuracy": accuracy, "validation/macro_f1": accuracy - 0.01, "seconds": 60.0}
            metrics |= self.measured
            if study.report(trial, ValidationReport(step, float(step), metrics)).end is not None:
                return
        if outcome is not None:
            study.end_trial(trial, TrialEnd(outcome, "" if outcome.is_healthy else "KeyError: 'why it failed'"))
