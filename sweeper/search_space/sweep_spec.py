"""A search space file as a frozen SweepSpec; its fingerprint; its params as a TrainConfig. reading.py checks it."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from sweeper.data.catalog import DATASETS, DatasetSpec
from sweeper.search_space import hyperparameter_syntax, validation
from sweeper.search_space.schema import Asha, Budget, Confirm, CustomDataset, Resources, Subsample, Tracking
from sweeper.search_space.space import ConditionalDomain, Hyperparameter, Params, SearchSpace
from sweeper.training.config import Scalar, StrictModel, TrainConfig
from sweeper.training.selection import ObjectiveMetric

Entry = dict[str, Scalar]
_NOT_ASKED = {"budget", "confirm", "resources", "tracking", "retries", "fail_fast_after", "stall_minutes", "storage"}


class SweepSpec(StrictModel):
    """One sweep, as its file says. `compare`, `search` and `training` are as written; `space` is what they mean."""

    dataset: str | CustomDataset
    on_bad_rows: Literal["refuse", "drop"] = "refuse"
    compare: dict[str, Any] = Field(default_factory=dict)
    search: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    start_with: list[Entry] = Field(default_factory=list)
    objective: ObjectiveMetric = ObjectiveMetric(maximize="validation/accuracy")
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    asha: Asha | Literal["off"] = Asha()
    budget: Budget = Budget()
    confirm: Confirm = Confirm()
    resources: Resources = Resources()
    tracking: Tracking = Tracking()
    retries: Annotated[int, Field(ge=0)] = 2  # times that a trial is tried again after its worker was lost
    stall_minutes: Annotated[float, Field(gt=0)] = 15  # silence after which a trial's worker is taken as dead
    fail_fast_after: Annotated[int, Field(ge=1)] = 5  # first trials that fail all alike and end the sweep
    limit: Subsample = Subsample()
    seed: Annotated[int, Field(ge=0)] = 0
    storage: Annotated[str, Field(pattern=r"^(/|[a-z][a-z0-9+.-]*://).+")] | None = (
        None  # a folder or URL that nodes share
    )

    @cached_property
    def dataset_spec(self) -> DatasetSpec:
        """The data set."""
        return self.dataset.to_dataset_spec if isinstance(self.dataset, CustomDataset) else DATASETS[self.dataset]

    @cached_property
    def space(self) -> SearchSpace:
        """The knobs of the file. Raises notation.NotationError where one is not written as a knob."""
        written = {"compare": self.compare, "search": self.search}
        hyperparameters: list[Hyperparameter] = []
        for section, raws in written.items():
            for name, raw in raws.items():
                try:
                    hyperparameters.append(hyperparameter_syntax.parse_hyperparameter(name, section, raw))
                except hyperparameter_syntax.HyperparameterSyntaxError as error:
                    error.path = (section, name, *error.path)
                    raise
        return SearchSpace(tuple(hyperparameters), self.training)

    @cached_property
    def systems(self) -> tuple[Params, ...]:
        """The rows of the table, in the file's order."""
        return self.space.enumerate_systems()

    def system_name(self, system: int) -> str:
        """A cell's name in the record and in seeds: the same in whatever order the file has its keys."""
        return " ".join(f"{name}={value}" for name, value in sorted(self.systems[system].items())) or "all"

    def trial_budget(self, system: int) -> int:
        """How many trials of the budget the cell with this index gets; shares differ by one at most.

        A grid is not run twice: a cell with fewer settings than its share gets just these.
        """
        whole, rest = divmod(self.budget.trials, len(self.systems))
        share = whole + (system < rest)
        return min(share, len(self.initial_settings(system))) if self.sampler == "grid" else share

    def initial_settings(self, system: int) -> list[Entry]:
        """What the first trials of a cell set beforehand: its part of `start_with`, or the whole grid, that first."""
        return self._plans[system]

    @cached_property
    def _plans(self) -> tuple[list[Entry], ...]:
        return tuple(self._plan(system) for system in self.systems)

    def _plan(self, own: Params) -> list[Entry]:
        fits = [entry for entry in self.start_with if own in validation.matching_systems(self.space, entry)]
        fixed = own.keys() | self.training.keys()
        first = [{name: value for name, value in entry.items() if name not in fixed} for entry in fits]
        if self.sampler != "grid":
            return first
        grid = self.space.enumerate_settings(
            {hyperparameter.name for hyperparameter in self.space.searched_hyperparameters()}, own
        )
        return sorted(grid, key=lambda setting: not any(entry.items() <= setting.items() for entry in first))

    @property
    def rungs(self) -> tuple[int, ...]:
        """The validations after which ASHA may stop a trial; none where it is off."""
        if self.asha == "off":
            return ()
        return self.asha.rungs(self.max_epochs, self.validations_per_epoch)

    @property
    def grace_validations(self) -> int:
        """The validations of the grace epochs; the default ones where ASHA is off."""
        asha = Asha() if self.asha == "off" else self.asha
        return round(asha.grace_epochs * self.validations_per_epoch)

    @property
    def validations_per_epoch(self) -> int:
        """How many reports a trial sends in each epoch."""
        return int(
            self.training.get("validations_per_epoch", TrainConfig.model_fields["validations_per_epoch"].default)
        )

    @property
    def max_epochs(self) -> int:
        """The epochs of the longest trial that the space allows, in all its phases."""
        first = self._most("contrastive_epochs") if "scl_two_phase" in self.values_of("loss") else 0
        return self._most("epochs") + first

    @property
    def max_tokens(self) -> int:
        """The largest max_length that the space allows."""
        return self._most("max_length")

    @property
    def max_words(self) -> int:
        """The largest vocabulary that the space allows."""
        return self._most("vocabulary")

    def values_of(self, name: str) -> tuple[Scalar, ...]:
        """Every listed value of a knob, in the file's order; of one that does not vary, the one that it has."""
        listed = [value for branch in self._branches(name) for value in branch.domain.enumerate_values() or ()]
        return tuple(listed) or (self.training.get(name, TrainConfig.model_fields[name].default),)

    @property
    def encoders(self) -> tuple[str, ...]:
        """Every encoder of the space, in the file's order."""
        return tuple(str(value) for value in self.values_of("encoder"))

    def _most(self, name: str) -> int:
        """The largest value of a whole-number knob."""
        return max(int(value) for value in self.values_of(name))

    def _branches(self, name: str) -> list[ConditionalDomain]:
        return [
            branch
            for hyperparameter in self.space.hyperparameters
            if hyperparameter.name == name
            for branch in hyperparameter.branches
        ]

    def derive_seed(self, *parts: object) -> int:
        """The seed of one random stream of the sweep: a stage, a cell, a number. Different parts, different streams."""
        text = json.dumps([self.seed, *parts], ensure_ascii=False)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1

    def train_config(self, params: Mapping[str, Scalar], *, seed: int, threads: int) -> TrainConfig:
        """The training that `params` stand for."""
        return TrainConfig.model_validate({**self.training, **params, "seed": seed, "threads": threads})

    @property
    def identity(self) -> dict[str, Any]:
        """All that makes two sweeps the same sweep, as the file has it; not what it may spend, nor paths."""
        found = self.model_dump(mode="json", exclude=_NOT_ASKED)  # these may change in a sweep
        return {**found, "dataset": self.dataset.content_digest} if isinstance(self.dataset, CustomDataset) else found


def fingerprint(question: Mapping[str, Any], resolved: Mapping[str, str]) -> str:
    """Eight hexadecimal digits for a question and the exact data and encoders that it was put to."""
    text = json.dumps([question, resolved], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
