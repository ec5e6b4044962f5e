"""New trials: those that the sampler proposes, those that train a setting with another seed, and users' clones."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile

import optuna
from optuna.trial import TrialState

from sweeper.record.parameters import chosen_parameters, suggest_params
from sweeper.record.storage import RecordStorage
from sweeper.record.studies import SystemStudies
from sweeper.record.trial_attributes import BORROWED, BRACKET, CLONE_OF, RACE_OF, STARTED_AT, counted_trials
from sweeper.record.trial_records import TrialRecords
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.trials.trial import Trial

_MAX_RETRIES = 20  # proposals that repeat a stopped setting before one of them is accepted anyway


class Proposals:
    """Starts trials, numbers them and records them.

    A proposal becomes a trial once it has its `number`. Before that, a crash leaves a proposal without a number, which
    `settle` completes.
    """

    def __init__(
        self,
        spec: SweepSpec,
        storage: RecordStorage,
        studies: SystemStudies,
        records: TrialRecords,
        running: dict[int, optuna.trial.Trial],
    ) -> None:
        """New trials go to `records`, and to `running` by their number."""
        self.spec, self.storage, self.studies = spec, storage, studies
        self.records, self.running = records, running
        self.last_number = records.last_number

    def propose(self, system: int) -> Trial:
        """Propose the next trial of a system: the planned settings first, then the sampler's choice."""
        study = self.studies.searches[system]
        while (trial := self.settle(system, study.ask())) is None:
            pass
        return trial

    def settle(self, system: int, trial: optuna.trial.Trial) -> Trial | None:
        """Let the sampler choose and begin the trial. Skip a choice that repeats a stopped setting and return None.

        After 20 proposals that were skipped, also by an earlier command, one that repeats a setting is accepted.
        """
        study = self.studies.searches[system]
        suggest_params(self.spec, system, trial)
        is_repeat = "skipped" in trial.user_attrs or self.studies.samplers[system].repeats_stopped(trial)
        if is_repeat and _count_skipped_before(study, trial.number) < _MAX_RETRIES:
            self.skip(study, trial, "repeats a setting that was stopped")
            return None
        return self._begin(system, study, trial)

    def skip(self, study: optuna.Study, trial: optuna.trial.Trial, reason: str) -> None:
        """Record that a proposal never becomes a trial."""
        trial.set_user_attr("skipped", reason)
        study.tell(trial, state=TrialState.FAIL)

    def confirm(self, source: Trial, seed_index: int) -> Trial:
        """Record a new trial that trains the setting of `source` with the system's fresh seed `seed_index`, from 1."""
        study = self.studies.begin_confirmation(source.system)
        trial = study.ask()
        attributes = {"params": dict(source.params), "source_trial": source.number, "seed_index": seed_index}
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        return self._begin(source.system, study, trial)

    def clone(self, source: Trial, params: Mapping[str, Scalar]) -> Trial:
        """Record a new trial of the search with the complete setting `params`, which a user made of `source`.

        It has not started, so it has attempt 0. The sampler learns of it as of any other.
        """
        return self._begin_chosen(source.system, params, {CLONE_OF: source.number, "attempt": 0})

    def restart(self, trial: Trial, now: int) -> Trial:
        """Record one more attempt at a trial. With the first one of a clone, which has waited for it, it starts `now`.

        Times are in milliseconds since 1970.
        """
        running, record = self.running[trial.number], self.records.get(trial.number)
        restarted = replace(trial, attempt=trial.attempt + 1)
        if not trial.attempt:
            running.set_user_attr(STARTED_AT, now)
            record = replace(record, started_at=now)
        running.set_user_attr("attempt", restarted.attempt)
        self.records.replace(replace(record, trial=restarted))
        return restarted

    def repeat(self, source: Trial) -> Trial:
        """Record a new trial of the search that trains the setting of `source` with another seed, in a race.

        The sampler learns of it as of any other.
        """
        return self._begin_chosen(source.system, source.params, {RACE_OF: source.number})

    def _begin_chosen(self, system: int, params: Mapping[str, Scalar], attributes: Mapping[str, int]) -> Trial:
        """Record a trial whose complete setting no sampler chose, in one line: a crash leaves all of it or nothing."""
        study = self.studies.searches[system]
        values, distributions = chosen_parameters(self.spec, system, dict(params))
        numbered = {"number": self.last_number + 1, **attributes}
        numbered |= self._bracket(study)
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING, params=dict(values), distributions=distributions, user_attrs=numbered
        )
        trial = self.storage.begin_trial(study, template)
        self.studies.samplers[system].note_chosen(trial.number)
        self.last_number += 1
        self.running[self.last_number] = trial
        return self.records.add(system, study, self.storage.stored_trial(study, trial.number))

    def _begin(self, system: int, study: optuna.Study, trial: optuna.trial.Trial) -> Trial:
        """Give a proposal its bracket, if there are any, and then its number. From now on it counts."""
        is_search = study is self.studies.searches[system]
        borrowed = self.studies.samplers[system].borrowed(trial.number) if is_search else 0
        attributes = {BORROWED: borrowed} if borrowed else {}
        attributes |= self._bracket(study)
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        trial.set_user_attr("number", self.last_number + 1)
        self.last_number += 1
        self.running[self.last_number] = trial
        return self.records.add(system, study, self.storage.stored_trial(study, trial.number))

    def _bracket(self, study: optuna.Study) -> dict[str, int]:
        """Return the attribute with the bracket of a study's next trial; none without brackets, and in confirmation.

        Proposals that were skipped do not count: the brackets keep their shares of the trials.
        """
        if len(self.spec.brackets) < 2 or study not in self.studies.searches:
            return {}
        return {BRACKET: self.spec.bracket_of(len(counted_trials(study)))}


def _count_skipped_before(study: optuna.Study, number: int) -> int:
    """Return how many proposals directly before a study's trial `number` were skipped."""
    earlier = reversed(study.get_trials(deepcopy=False)[:number])
    return sum(1 for _ in takewhile(lambda stored: "skipped" in stored.user_attrs, earlier))
