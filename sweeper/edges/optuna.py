"""Optuna: the memory of a sweep. One study for each cell, all in one journal.

Every report is in the record before anybody acts on it, and so is the verdict on it. What a sampler or a pruner
answers is a function of the record and of seeds derived from the sweep's, so that a sweep which was cut off goes on as
if it had not been: nothing else has to be saved.
"""

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeper.edges.journal import Journal
from sweeper.edges.pruner import Rungs
from sweeper.edges.sampler import sampler, suggest, walk
from sweeper.outcome import Outcome
from sweeper.ports import Finish, Recorded, Report, Trial
from sweeper.spec import SweepSpec

_RETRIES = 20  # proposals that repeat a stopped setting before one of them is taken after all


class OptunaStudy:
    """The record of one sweep, and the proposals that follow from it: the port Study."""

    def __init__(self, spec: SweepSpec, path: Path, threads: int) -> None:
        """Open or create the record at `path`. Raises BusyError, RecordError or StorageError."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self.spec, self.threads = spec, threads
        self.journal = Journal(path)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        """Open or create the studies, and take up what was cut off."""
        spec, storage = self.spec, JournalStorage(self.journal)
        pruner = Rungs(spec.rungs, spec.asha.reduction_factor if spec.asha != "off" else 2)
        direction = StudyDirection.MAXIMIZE if spec.objective.sign > 0 else StudyDirection.MINIMIZE
        self.studies = [
            optuna.create_study(
                study_name=spec.cell_name(cell),
                storage=storage, pruner=pruner, direction=direction, load_if_exists=True,
            )
            for cell in range(len(spec.cells))
        ]  # fmt: skip
        self.running: dict[int, optuna.trial.Trial] = {}
        self.latest = max((at for one in self.recorded() for at in one.times), default=0)
        for cell in range(len(spec.cells)):
            self._reopen(cell)

    def _reopen(self, cell: int) -> None:
        """Take up the trials of a cell that were cut off.

        A trial whose end is in the record has ended; a proposal that was cut off halfway is completed.
        """
        study = self.studies[cell]
        for frozen in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            trial = optuna.trial.Trial(study, frozen._trial_id)
            if "outcome" in frozen.user_attrs:
                self._tell(cell, trial)
            elif "number" in frozen.user_attrs:
                self.running[frozen.user_attrs["number"]] = trial
                self._complete(trial, frozen)
            else:
                study.sampler = sampler(self.spec, cell, frozen.number)
                self._settle(cell, trial, self._next_number())

    def _complete(self, trial: optuna.trial.Trial, frozen: FrozenTrial) -> None:
        """Tell the pruner the value of a report that was cut off after its metrics: it came before what follows."""
        for key, kept in frozen.user_attrs.items():
            if key.startswith("report:"):
                self._value(trial, frozen, Report(int(key.partition(":")[2]), kept["epoch"], kept["metrics"]))

    def _value(self, trial: optuna.trial.Trial, frozen: FrozenTrial, report: Report) -> float | None:
        """Tell the pruner the value of a report, once: it is what the record has, and None where it has none."""
        value = report.metrics.get(self.spec.objective.metric)
        if value is not None and report.step not in frozen.intermediate_values:
            trial.report(value if math.isfinite(value) else math.nan, report.step)
        return value

    @property
    def dropped(self) -> int:
        """Bytes of a record that a crash left half written, and that were dropped on opening."""
        return self.journal.dropped

    def close(self) -> None:
        """Close the record."""
        self.journal.close()

    # ---- proposals

    def ask(self, cell: int) -> Trial:
        """Propose the next trial of a cell: what is planned for it first, then the sampler's choice."""
        study, number = self.studies[cell], self._next_number()
        for retry in range(_RETRIES + 1):
            study.sampler = sampler(self.spec, cell, len(study.get_trials(deepcopy=False)))
            trial = study.ask()
            if self._settle(cell, trial, number, anyway=retry == _RETRIES):
                break
        return self._trial(cell, _frozen(study, trial))

    def _settle(self, cell: int, trial: optuna.trial.Trial, number: int, *, anyway: bool = False) -> bool:
        """Let the sampler choose, and take its choice as trial `number`: False where it repeats a stopped setting."""
        study = self.studies[cell]
        suggest(self.spec, cell, trial)
        if not anyway and ("skipped" in trial.user_attrs or self._repeats_stopped(cell, trial)):
            trial.set_user_attr("skipped", "repeats a setting that was stopped")
            study.tell(trial, state=TrialState.FAIL)
            return False
        trial.set_user_attr("number", number)
        self.running[number] = trial
        return True

    def _next_number(self) -> int:
        counted = (t for study in self.studies for t in study.get_trials(deepcopy=False) if "number" in t.user_attrs)
        return 1 + max((t.user_attrs["number"] for t in counted), default=0)

    def _repeats_stopped(self, cell: int, trial: optuna.trial.Trial) -> bool:
        planned = trial.number < len(self.spec.planned(cell))
        return not planned and any(
            other.state == TrialState.PRUNED and other.params == trial.params
            for other in self.studies[cell].get_trials(deepcopy=False)
        )

    # ---- the record

    def restart(self, trial: Trial) -> Trial:
        """The same trial for another attempt, counted in the record."""
        self.running[trial.number].set_user_attr("attempt", trial.attempt + 1)
        return Trial(trial.number, trial.cell, trial.params, trial.config, trial.attempt + 1)

    def report(self, trial: Trial, report: Report) -> Finish | None:
        """Keep a report, its metrics before the value that the pruner reads, and the verdict on it."""
        running, study = self.running[trial.number], self.studies[trial.cell]
        if f"report:{report.step}" not in running.user_attrs:
            kept = {"time": self._now(), "epoch": report.epoch, "attempt": trial.attempt}
            running.set_user_attr(f"report:{report.step}", {**kept, "metrics": dict(report.metrics)})
        value = self._value(running, _frozen(study, running), report)
        if value is None:  # a phase without a classifier: neither the pruner nor the sampler hears of it
            return None
        values = _frozen(study, running).intermediate_values
        last = report.step == trial.config.reports and math.isfinite(value)
        if last or report.step < max(values, default=0) or not running.should_prune():
            return None
        stop = Finish(Outcome.STOPPED_EARLY, f"below the others at its validation {report.step}")
        diverged = Finish(Outcome.DIVERGED, f"{self.spec.objective.metric} is {value}")
        self.finish(trial, stop if math.isfinite(value) else diverged)
        return self.of(trial).finish

    def finish(self, trial: Trial, finish: Finish) -> None:
        """Keep how a trial ended: the outcome in an attribute, then the state that the sampler learns from."""
        running = self.running[trial.number]
        if "outcome" not in running.user_attrs:
            running.set_user_attr("reason", finish.reason)
            if finish.traceback or "traceback" in running.user_attrs:  # an attempt's that was cut off while it failed
                running.set_user_attr("traceback", finish.traceback)
            running.set_user_attr("outcome", finish.outcome.value)
        self._tell(trial.cell, running)

    def _tell(self, cell: int, trial: optuna.trial.Trial) -> None:
        """Tell the sampler. What did not complete is pruned, the worst rank: TPE ignores failures, and repeats them."""
        values = list(_frozen(self.studies[cell], trial).intermediate_values.values())
        if trial.user_attrs["outcome"] == Outcome.COMPLETED and values:
            best = max(values) if self.spec.objective.sign > 0 else min(values)
            self.studies[cell].tell(trial, best, skip_if_finished=True)
        else:
            self.studies[cell].tell(trial, state=TrialState.PRUNED, skip_if_finished=True)

    def recorded(self) -> Sequence[Recorded]:
        """Every trial, by number; proposals that were skipped are none."""
        found = [
            self._recorded(cell, frozen)
            for cell, study in enumerate(self.studies)
            for frozen in study.get_trials(deepcopy=False)
            if "number" in frozen.user_attrs
        ]
        return sorted(found, key=lambda recorded: recorded.trial.number)

    def of(self, trial: Trial) -> Recorded:
        """One trial as the record has it."""
        return self._recorded(trial.cell, _frozen(self.studies[trial.cell], self.running[trial.number]))

    def _recorded(self, cell: int, frozen: FrozenTrial) -> Recorded:
        attributes = frozen.user_attrs
        steps = sorted(int(key.partition(":")[2]) for key in attributes if key.startswith("report:"))
        kept = [attributes[f"report:{step}"] for step in steps]
        outcome = attributes.get("outcome")
        return Recorded(
            trial=self._trial(cell, frozen),
            reports=tuple(Report(s, entry["epoch"], entry["metrics"]) for s, entry in zip(steps, kept, strict=True)),
            times=tuple(entry["time"] for entry in kept),
            started=_milliseconds(frozen.datetime_start),
            finish=_finish(attributes) if outcome and frozen.state.is_finished() else None,
            ended=_milliseconds(frozen.datetime_complete) if frozen.datetime_complete else None,
        )

    def _trial(self, cell: int, frozen: FrozenTrial) -> Trial:
        params = walk(self.spec, cell, lambda parameter, _: frozen.params[parameter])
        number = frozen.user_attrs["number"]
        config = self.spec.config(
            params, seed=self.spec.seed_of("search", self.spec.cell_name(cell), number), threads=self.threads
        )
        return Trial(number, cell, params, config, frozen.user_attrs.get("attempt", 1))

    def _now(self) -> int:
        """Milliseconds since 1970, later than every report before: the order of arrival decides at a rung."""
        self.latest = max(int(time.time() * 1000), self.latest + 1)
        return self.latest


def _frozen(study: optuna.Study, trial: optuna.trial.Trial) -> FrozenTrial:
    return study.get_trials(deepcopy=False)[trial.number]


def _finish(attributes: Mapping[str, Any]) -> Finish:
    return Finish(Outcome(attributes["outcome"]), attributes["reason"], attributes.get("traceback", ""))


def _milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1000) if moment else int(time.time() * 1000)
