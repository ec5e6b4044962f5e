"""A search space file as a frozen SweepSpec; its fingerprint; its params as a TrainConfig. reading.py checks it."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from sweeper import checks, notation
from sweeper.config import Scalar, TrainConfig
from sweeper.space import Branch, Knob, Params, Space

Entry = dict[str, Scalar]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Objective(_Part):
    """The metric that chooses: its best value over the epochs of a trial is the trial's value."""

    maximize: Literal["validation/accuracy", "validation/macro_f1", "validation/weighted_f1"] | None = None
    minimize: Literal["validation/loss"] | None = None

    @property
    def metric(self) -> str:
        """The metric's name, as in a Report."""
        return self.maximize or self.minimize or "validation/accuracy"

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return -1 if self.minimize else 1


class Asha(_Part):
    """Asynchronous successive halving: rungs at grace_epochs * reduction_factor^k."""

    grace_epochs: Annotated[float, Field(gt=0)] = 2
    reduction_factor: Annotated[int, Field(ge=2)] = 3

    def rungs(self, epochs: int, validations_per_epoch: int) -> tuple[int, ...]:
        """The validations (counted from 1) after which a trial may be stopped."""
        steps, last = [], epochs * validations_per_epoch
        step = self.grace_epochs * validations_per_epoch
        while step < last:
            steps.append(round(step))
            step *= self.reduction_factor
        return tuple(steps)


class Budget(_Part):
    """When to stop proposing: after this many trials, or this many hours of one run of the command."""

    trials: Annotated[int, Field(ge=1)] = 20
    hours: Annotated[float, Field(gt=0)] | None = None


class Resources(_Part):
    """What one trial gets. A fraction of a GPU lets several trials share one."""

    gpu: Annotated[float, Field(ge=0)] = 0
    cpu: Annotated[int, Field(ge=1)] = 1

    @field_validator("gpu")
    @classmethod
    def _shared_or_whole(cls, gpu: float) -> float:
        if gpu > 1 and gpu != int(gpu):
            raise PydanticCustomError("gpu", "Input should be a fraction of one GPU or a whole number of them")
        return gpu


class Limit(_Part):
    """Use only the first rows of a split: for a quick try, never for a result to publish."""

    train: Annotated[int, Field(ge=1)] | None = None
    validation: Annotated[int, Field(ge=1)] | None = None


class SweepSpec(_Part):
    """One sweep, as its file says. `compare`, `search` and `training` are as written; `space` is what they mean."""

    dataset: str
    compare: dict[str, Any] = {}
    search: dict[str, Any] = {}
    training: dict[str, Any] = {}
    start_with: list[Entry] = []
    objective: Objective = Objective(maximize="validation/accuracy")
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    asha: Asha | Literal["off"] = Asha()
    budget: Budget = Budget()
    resources: Resources = Resources()
    limit: Limit = Limit()
    seed: Annotated[int, Field(ge=0)] = 0

    @cached_property
    def space(self) -> Space:
        """The knobs of the file. Raises notation.NotationError where one is not written as a knob."""
        written = {"compare": self.compare, "search": self.search}
        knobs: list[Knob] = []
        for section, raws in written.items():
            for name, raw in raws.items():
                try:
                    knobs.append(notation.knob(name, section, raw))
                except notation.NotationError as error:
                    error.path = (section, name, *error.path)
                    raise
        return Space(tuple(knobs), self.training)

    @cached_property
    def cells(self) -> tuple[Params, ...]:
        """The rows of the table, in the file's order."""
        return self.space.cells()

    def cell_name(self, cell: int) -> str:
        """A cell's name in the record and in seeds: the same in whatever order the file has its keys."""
        return " ".join(f"{name}={value}" for name, value in sorted(self.cells[cell].items())) or "all"

    def share(self, cell: int) -> int:
        """How many trials of the budget the cell with this index gets; shares differ by one at most.

        A grid is not run twice: a cell with fewer settings than its share gets just these.
        """
        whole, rest = divmod(self.budget.trials, len(self.cells))
        share = whole + (cell < rest)
        return min(share, len(self.planned(cell))) if self.sampler == "grid" else share

    def planned(self, cell: int) -> list[Entry]:
        """What the first trials of a cell set beforehand: its part of `start_with`, or the whole grid, that first."""
        return self._plans[cell]

    @cached_property
    def _plans(self) -> tuple[list[Entry], ...]:
        return tuple(self._plan(cell) for cell in self.cells)

    def _plan(self, own: Params) -> list[Entry]:
        fits = [entry for entry in self.start_with if own in checks.fitting(self.space, entry)]
        fixed = own.keys() | self.training.keys()
        first = [{name: value for name, value in entry.items() if name not in fixed} for entry in fits]
        if self.sampler != "grid":
            return first
        grid = self.space.settings({knob.name for knob in self.space.searched()}, own)
        return sorted(grid, key=lambda setting: not any(entry.items() <= setting.items() for entry in first))

    @property
    def rungs(self) -> tuple[int, ...]:
        """The validations after which ASHA may stop a trial; none where it is off."""
        if self.asha == "off":
            return ()
        return self.asha.rungs(self.most_epochs, self.validations_per_epoch)

    @property
    def grace(self) -> int:
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
    def most_epochs(self) -> int:
        """The epochs of the longest trial that the space allows, in all its phases."""
        losses = [value for branch in self._branches("loss") for value in branch.domain.listed() or ()]
        two = "scl_two_phase" in (*losses, self.training.get("loss"))
        return self._most("epochs") + (self._most("contrastive_epochs") if two else 0)

    @property
    def most_tokens(self) -> int:
        """The largest max_length that the space allows."""
        return self._most("max_length")

    @property
    def most_words(self) -> int:
        """The largest vocabulary that the space allows."""
        return self._most("vocabulary")

    @property
    def encoders(self) -> tuple[str, ...]:
        """Every encoder of the space, in the file's order."""
        listed = [branch.domain.listed() or () for branch in self._branches("encoder")]
        varies = tuple(str(value) for values in listed for value in values)
        return varies or (str(self.training["encoder"]),)

    def _most(self, name: str) -> int:
        """The largest value of a whole-number knob."""
        listed = [branch.domain.listed() or () for branch in self._branches(name)]
        fixed = self.training.get(name, TrainConfig.model_fields[name].default)
        return max((int(max(values)) for values in listed), default=int(fixed))

    def _branches(self, name: str) -> list[Branch]:
        return [branch for knob in self.space.knobs if knob.name == name for branch in knob.branches]

    def seed_of(self, *parts: object) -> int:
        """The seed of one random stream of the sweep: a stage, a cell, a number. Different parts, different streams."""
        text = json.dumps([self.seed, *parts], ensure_ascii=False)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1

    def config(self, params: Mapping[str, Scalar], *, seed: int, threads: int) -> TrainConfig:
        """The training that `params` stand for."""
        return TrainConfig.model_validate({**self.training, **params, "seed": seed, "threads": threads})

    @property
    def question(self) -> dict[str, Any]:
        """All that makes two sweeps the same sweep, as the file has it; not the budget, nor the resources."""
        return self.model_dump(mode="json", exclude={"budget", "resources"})


def fingerprint(question: Mapping[str, Any], resolved: Mapping[str, str]) -> str:
    """Eight hexadecimal digits for a question and the exact data and encoders that it was put to."""
    text = json.dumps([question, resolved], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
