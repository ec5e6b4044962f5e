"""sweeper's own search on the simulated clock: its record, sampler, early stopping and shares."""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.economy.clock import Choice, Training
from benchmarks.economy.problem import Problem
from benchmarks.economy.surrogate import ACCURACY
from sweeper.protocol.ranking import best_setting, score_trial
from sweeper.protocol.search_stage import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd

_MEMORY = Path("/dev/shm")  # the record is flushed after every line


class SweeperSearch:
    """A sweep of the recorded search space, with keys replaced. Implements Search."""

    def __init__(
        self, problem: Problem, trials: int, seed: int, overrides: Sequence[str], *, learns: bool = False
    ) -> None:
        """With `learns`, it learns from the problem's earlier sweeps."""
        self.spec = problem.spec([f"budget.trials={trials}", f"seed={seed}", *overrides])
        is_writable = os.access(_MEMORY, os.W_OK)
        self.folder = Path(tempfile.mkdtemp(prefix="economy-", dir=_MEMORY if is_writable else None))
        borrowed = problem.earlier if learns else ()
        self.study = OptunaStudy(self.spec, self.folder / "record.journal", threads=1, borrowed=borrowed)
        self.stage = SearchStage(self.spec, self.study, [])
        self.trials: dict[int, Trial] = {}

    def next_training(self) -> Training | None:
        """Return the next trial, or an interrupted one from its last validation."""
        trial = self.stage.next_trial()
        if trial is None:
            return None
        self.trials[trial.number] = trial
        done = len(self.study.get(trial).reports)
        return Training(trial.number, trial.params, trial.config.seed, done)

    def report(self, training: Training, step: int, accuracy: float) -> bool:
        """Let the sweep record the validation and decide."""
        epoch = step / self.spec.validations_per_epoch
        return self.stage.report(self.trials[training.number], ValidationReport(step, epoch, {ACCURACY: accuracy}))

    def finish(self, training: Training) -> None:
        """Record that a trial completed."""
        self.stage.trial_ended(self.trials[training.number], TrialEnd(Outcome.COMPLETED))

    def chosen(self) -> Mapping[str, Choice]:
        """Return the settings that the confirmation would train again."""
        scores = [score_trial(self.spec, record) for record in self.study.all_trials()]
        choices = {}
        for system, params in enumerate(self.spec.systems):
            best = best_setting(scores, system, self.spec.objective.sign, shrinks=self.spec.race is not None)
            if best is not None:
                choices[str(params["loss"])] = Choice(best.trial.params, best.mean)
        return choices

    def close(self) -> None:
        """Close and delete the record."""
        self.study.close()
        shutil.rmtree(self.folder, ignore_errors=True)
