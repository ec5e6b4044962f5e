"""A search space file as a frozen, checked SweepSpec; its fingerprint; its params as a TrainConfig.

Everything that a user can get wrong in a file is found here, before any library is loaded: `read` either returns a
spec that can run or raises one SearchSpaceError with a line for each mistake.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from sweeper import checks, notation
from sweeper.catalog import DATASETS, ENCODERS
from sweeper.checks import Mistake
from sweeper.config import ASSIGNED, KNOBS, Scalar, TrainConfig, complaint
from sweeper.document import Document, Path, allowed, dotted, show
from sweeper.errors import SearchSpaceError
from sweeper.space import Branch, Knob, Params, Space, count

_LARGEST_GRID = 10_000
MAXIMIZED = ("validation/accuracy", "validation/macro_f1", "validation/weighted_f1")
MINIMIZED = ("validation/loss",)

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
        return self.maximize or self.minimize or MAXIMIZED[0]

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
    def validations_per_epoch(self) -> int:
        """How many reports a trial sends in each epoch."""
        return int(
            self.training.get("validations_per_epoch", TrainConfig.model_fields["validations_per_epoch"].default)
        )

    @property
    def most_epochs(self) -> int:
        """The epochs of the longest trial that the space allows."""
        return self._most("epochs")

    @property
    def most_tokens(self) -> int:
        """The largest max_length that the space allows."""
        return self._most("max_length")

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


def read(document: Document) -> SweepSpec:
    """The spec that `document` describes. Raises SearchSpaceError with a line for each mistake."""
    try:
        spec = SweepSpec.model_validate(document.values)
    except ValidationError as error:
        mistakes = [found for detail in error.errors() if (found := _translated(detail))]
    else:
        mistakes = list(_mistakes(spec))
    if mistakes:
        lines = [f"{document.place(m.path)}: {dotted(m.path)}: {m.rule}" for m in mistakes]
        raise SearchSpaceError(list(dict.fromkeys(lines)))
    return spec


def _translated(detail: Any) -> Mistake | None:
    """A complaint of pydantic in this house's words."""
    path: Path = tuple(part for part in detail["loc"] if part not in ("Asha", "literal['off']"))
    if path[:1] == ("start_with",) and len(path) > 3:
        return Mistake(path[:3], f"must be one value, got {show(detail['input'])}")
    if "literal['off']" in detail["loc"] and isinstance(detail["input"], dict):
        return None  # a mapping is no `off`; what is wrong with it as a mapping is told beside this
    if detail["type"] == "extra_forbidden":
        model = _model_at(path[:-1])
        return Mistake(path, f"unknown key, {allowed(model.model_fields, str(path[-1]))}")
    if detail["type"] == "missing":
        return Mistake(path, "is missing; every search space names one")
    if path == ("asha",):
        return Mistake(path, f"must be off or {{grace_epochs: 2, reduction_factor: 3}}, got {show(detail['input'])}")
    if detail["type"] in ("model_type", "dict_type"):
        return Mistake(path, f"must be a mapping of keys to values, got {show(detail['input'])}")
    rule = detail["msg"].replace("Input should", "must")
    if path[:1] == ("objective",) and str(detail["input"]).startswith("test/"):
        rule += " (the test split chooses nothing)"
    return Mistake(path, f"{rule}, got {show(detail['input'])}")


def _model_at(path: Path) -> type[BaseModel]:
    models: dict[str, type[BaseModel]] = {
        "objective": Objective, "asha": Asha, "budget": Budget, "resources": Resources, "limit": Limit,
    }  # fmt: skip
    return models[str(path[0])] if path else SweepSpec


def _mistakes(spec: SweepSpec) -> Iterator[Mistake]:
    if spec.dataset not in DATASETS:
        yield Mistake(("dataset",), f"unknown data set, got {spec.dataset}, {allowed(DATASETS, spec.dataset)}")
    if (spec.objective.maximize is None) == (spec.objective.minimize is None):
        yield Mistake(("objective",), "needs exactly one of maximize and minimize")
    names = list(_names(spec))
    yield from names
    if names:
        return
    try:
        found = checks.mistakes(spec.space, spec.start_with)
    except notation.NotationError as error:
        rule = f"{error.rule}, {allowed(error.names, error.word)}" if error.names else error.rule
        found = [Mistake(error.path, rule)]
    yield from found or _budget(spec)


def _names(spec: SweepSpec) -> Iterator[Mistake]:
    for section in ("compare", "search", "training"):
        for name, value in getattr(spec, section).items():
            if name in ASSIGNED:
                yield Mistake(
                    (section, name), "is set by sweeper for each trial; use the top-level `seed`, or `resources`"
                )
            elif name not in KNOBS:
                yield Mistake((section, name), f"unknown knob, {allowed(KNOBS, name)}")
            elif section == "training" and (reason := complaint(name, value)):
                yield Mistake((section, name), f"{reason}, got {show(value)}")
            elif section != "training" and name == "validations_per_epoch":
                yield Mistake((section, name), "cannot vary, for ASHA compares step with step; set it under training")
    if not any("encoder" in getattr(spec, section) for section in ("compare", "search", "training")):
        yield Mistake(("compare",), f"needs an encoder, such as encoder: [{ENCODERS[0]}]")


def _budget(spec: SweepSpec) -> Iterator[Mistake]:
    if spec.budget.trials < len(spec.cells):
        rule = (
            f"each cell needs a trial: at least {len(spec.cells)} for {len(spec.cells)} cells, got {spec.budget.trials}"
        )
        yield Mistake(("budget", "trials"), rule)
    if spec.sampler == "grid":
        yield from _grid(spec)
    if isinstance(spec.asha, Asha):
        per_epoch = spec.validations_per_epoch
        steps = spec.asha.grace_epochs * per_epoch
        if steps < 1 - 1e-9 or not math.isclose(steps, round(steps)):
            rule = f"must come to whole validations at {per_epoch} per epoch, got {spec.asha.grace_epochs:g}"
            yield Mistake(("asha", "grace_epochs"), rule)


def _grid(spec: SweepSpec) -> Iterator[Mistake]:
    knobs = spec.space.searched()
    endless = [knob for knob in knobs if any(branch.domain.listed() is None for branch in knob.branches)]
    for knob in endless:
        yield Mistake(("search", knob.name), "has no list of values for sampler: grid; use a list, or give a step")
    settings = spec.space.settings({knob.name for knob in knobs}, spec.cells[0])
    if not endless and count(settings, _LARGEST_GRID + 1) > _LARGEST_GRID:
        yield Mistake(("sampler",), f"a grid has at most {_LARGEST_GRID:,} settings in a cell; use tpe or random")
