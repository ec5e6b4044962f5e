"""SweepSpec: a search space file, and all that follows from it: systems, budgets, rungs, seeds and the fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sweeper.data.catalog import CATALOG, DATASETS
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.search_space.document import KeyPath, SourceDocument, format_key
from sweeper.search_space.early_stopping import (
    DEFAULT_RULE,
    EARLY_STOPPING,
    EarlyStoppingRule,
    RungSettings,
    choose_bracket,
)
from sweeper.search_space.grid import spread_settings
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.schema import PartialSetting
from sweeper.search_space.space import Params, count_up_to
from sweeper.search_space.spec_hyperparameters import SpecHyperparameters
from sweeper.search_space.start_with import as_listed, matching_systems
from sweeper.training.config import Scalar, TrainConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Keys that may change without making another sweep of it.
_NOT_IDENTITY = ("budget", "confirm", "resources", "tracking", "retries", "fail_fast_after", "stall_minutes", "storage")

_MAX_COUNTED = 10_000  # settings


class SweepSpec(SpecHyperparameters):
    """One sweep. The keys are as written in the file; `space` is what compare, search and training mean."""

    @cached_property
    def dataset_spec(self) -> DatasetSpec:
        """The data set."""
        return self.dataset.dataset_spec if isinstance(self.dataset, CustomDataset) else DATASETS[self.dataset]

    def with_dataset_name(self, name: str) -> Self:
        """Return the same spec with another name of its data set. Its keys and its identity stay as they are."""
        copy = self.model_copy()
        vars(copy)["dataset_spec"] = replace(self.dataset_spec, name=name)  # the cached value of the property
        return copy

    @property
    def data_source(self) -> str:
        """The place that the rows come from: "catalog", an id on the hub, or a training file with its folder."""
        return self.dataset.source if isinstance(self.dataset, CustomDataset) else CATALOG

    @cached_property
    def source(self) -> SourceDocument | None:
        """The file that the parser read the spec from; None for a spec that was made from values."""
        return None

    def message(self, path: KeyPath, rule: str) -> str:
        """Return a message on the value at `path`: file and line where they are known, the key, and the rule."""
        return f"{format_key(path)}: {rule}" if self.source is None else self.source.message(path, rule)

    # ---- systems and their trials

    @cached_property
    def systems(self) -> tuple[Params, ...]:
        """The systems in the file's order. Each is a row of the published table."""
        return self.space.enumerate_systems()

    def system_name(self, system: int) -> str:
        """Return a system's name in the record and in seeds. It does not depend on the order of keys in the file."""
        return " ".join(f"{name}={value}" for name, value in sorted(self.systems[system].items())) or "all"

    def trial_budget(self, system: int) -> int:
        """Return the number of trials that a system gets of the budget. Shares differ by one at most.

        An exhaustive sampler tries no setting twice: a system with few settings gets only these, and its race.
        """
        whole, rest = divmod(self.budget.trials, len(self.systems))
        share = whole + (system < rest)
        return min(share, len(self.initial_settings(system)) + self.race_trials) if self.is_exhaustive else share

    def initial_settings(self, system: int) -> list[PartialSetting]:
        """Return the settings that a system's first trials must have, in order.

        These are the entries of `start_with` that fit the system. For an exhaustive sampler they are all settings: one
        for each of these entries, and then the others, spread over the space. The order does not depend on the budget.
        """
        return self._initial_settings[system]

    @cached_property
    def _initial_settings(self) -> tuple[list[PartialSetting], ...]:
        return tuple(self._plan_system(system) for system in self.systems)

    def _plan_system(self, system: Params) -> list[PartialSetting]:
        entries = [as_listed(self.space, entry) for entry in self.start_with]
        fitting = [entry for entry in entries if system in matching_systems(self.space, entry)]
        fixed = system.keys() | self.training.keys()
        planned = [{name: value for name, value in entry.items() if name not in fixed} for entry in fitting]
        if not self.is_exhaustive:
            return planned
        searched = {hyperparameter.name for hyperparameter in self.space.searched_hyperparameters()}
        settings = list(self.space.enumerate_settings(searched, system))
        settings.sort(key=lambda setting: self.derive_seed("grid", sorted({**system, **setting}.items())))
        return spread_settings(planned, settings)

    def count_settings(self) -> int | None:
        """Return the number of settings of all systems. None if there are more than 10,000, or a range has no steps."""
        names = {hyperparameter.name for hyperparameter in self.space.searched_hyperparameters()}
        settings = (setting for system in self.systems for setting in self.space.enumerate_settings(names, system))
        try:
            count = count_up_to(settings, _MAX_COUNTED + 1)
        except ValueError:
            return None
        return count if count <= _MAX_COUNTED else None

    @property
    def is_exhaustive(self) -> bool:
        """True if the sampler plans each setting of the space once."""
        return SAMPLERS[self.sampler].is_exhaustive

    # ---- early stopping

    @property
    def early_stopping_name(self) -> str:
        """The name of the early stopping rule; that of the default rule if early stopping is off."""
        return DEFAULT_RULE if self.early_stopping is None else next(iter(self.early_stopping))

    @property
    def early_stopping_label(self) -> str:
        """The label of the early stopping rule, such as ASHA; "early stopping" if it is off."""
        return "early stopping" if self.early_stopping_rule is None else self.early_stopping_rule.label

    @cached_property
    def early_stopping_rule(self) -> EarlyStoppingRule[Any] | None:
        """The rule that stops trials early, or None if early stopping is off."""
        is_off = self.early_stopping is None and self.asha == "off"
        return None if is_off else EARLY_STOPPING[self.early_stopping_name]

    @cached_property
    def early_stopping_settings(self) -> RungSettings | None:
        """The settings of the early stopping rule, or None if early stopping is off."""
        if self.early_stopping is None:
            return None if self.asha == "off" else self.asha
        model: type[RungSettings] = EARLY_STOPPING[self.early_stopping_name].settings
        return model.model_validate(self.early_stopping[self.early_stopping_name])

    def needed_value(self, earlier_values: "NDArray[np.float64]") -> float | None:
        """Return the value that a trial needs at a rung to continue; None if any value is enough.

        More is better. `earlier_values` (N,) are the values that reached the rung before, in the order of arrival.
        """
        rule, settings = self.early_stopping_rule, self.early_stopping_settings
        return None if rule is None or settings is None else rule.needed_value(earlier_values, settings)

    @cached_property
    def rungs(self) -> tuple[int, ...]:
        """The validations (counted from 1) after which a trial may be stopped; empty if early stopping is off."""
        settings = self.early_stopping_settings
        return () if settings is None else settings.rungs(self.max_epochs, self.validations_per_epoch)

    @property
    def pausing_rungs(self) -> tuple[int, ...]:
        """The validations after which a trial waits for its promotion; empty if early stopping decides at once."""
        return self.rungs if self.early_stopping_rule is not None and self.early_stopping_rule.pauses else ()

    @cached_property
    def brackets(self) -> Mapping[int, tuple[int, ...]]:
        """The rungs of each bracket by its number, from 1. Without brackets, all rungs have number 0."""
        settings = self.early_stopping_settings
        brackets = () if settings is None else settings.split_into_brackets(self.rungs)
        return dict(enumerate(brackets, start=1)) if len(brackets) > 1 else {0: self.rungs}

    def rungs_of(self, bracket: int) -> tuple[int, ...]:
        """Return the validations after which a trial of a bracket may be stopped; all rungs for number 0."""
        return self.brackets.get(bracket, self.rungs)

    def bracket_of(self, position: int) -> int:
        """Return the bracket, from 1, of a system's trial at this position, from 0; 0 without brackets."""
        settings = self.early_stopping_settings
        if settings is None or len(self.brackets) == 1:
            return 0
        return 1 + choose_bracket(position, [settings.bracket_weight(rungs) for rungs in self.brackets.values()])

    @property
    def grace_validations(self) -> int:
        """The number of validations in the grace epochs; in those of the default rule if early stopping is off."""
        settings = self.early_stopping_settings or EARLY_STOPPING[DEFAULT_RULE].settings()
        return settings.grace_validations(self.validations_per_epoch)

    # ---- trainings and identity

    def derive_seed(self, *parts: object) -> int:
        """Return the seed of one random stream of the sweep, 31 bits.

        `parts` name the stream, such as a stage, a system and a number. Different parts give different streams.
        """
        text = json.dumps([self.seed, *parts], ensure_ascii=False)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1

    def train_config(self, params: Mapping[str, Scalar], *, seed: int, threads: int) -> TrainConfig:
        """Return the validated config of a training with these params."""
        return TrainConfig.model_validate({**self.training, **params, "seed": seed, "threads": threads})

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The keys that make two sweeps the same sweep, as written. Spending limits and paths are not among them.

        It contains the digest of the user's own files, which are therefore read once.
        """
        exclude: dict[str, Any] = {**dict.fromkeys(_NOT_IDENTITY, True), "objective": {"stop_at"}}
        values = self.model_dump(mode="json", exclude=exclude)
        if self.learn_from:  # what was borrowed is pinned at the first start, and then the folders may go or grow
            values["learn_from"] = [Path(folder).resolve().name for folder in self.learn_from]
        if isinstance(self.dataset, CustomDataset):
            return {**values, "dataset": self.dataset.content_digest}
        return values


def fingerprint(identity: Mapping[str, Any], resolved: Mapping[str, str]) -> str:
    """Return eight hexadecimal digits for a sweep's identity and the exact versions of its data and encoders."""
    text = json.dumps([identity, resolved], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
