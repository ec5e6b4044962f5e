"""From a document to a SweepSpec that can run.

Everything that a user can get wrong in a file is found here, before any library is loaded: `read` either returns a
spec or raises one SearchSpaceError with a line for each mistake.
"""

import math
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sweeper.data.catalog import DATASETS, ENCODERS
from sweeper.errors import SearchSpaceError
from sweeper.search_space import hyperparameter_syntax, validation
from sweeper.search_space.document import KeyPath, SourceDocument, format_key
from sweeper.search_space.schema import Asha, CustomDataset
from sweeper.search_space.space import count_up_to
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.validation import SpecIssue
from sweeper.training.config import HYPERPARAMETERS, RUNTIME_FIELDS, validation_error
from sweeper.wording import allowed_hint, quote_value

_LARGEST_GRID = 10_000
_EXAMPLE = "{train: a.jsonl, validation: b.jsonl, text: review, label: sentiment}"
_ALTERNATIVES = ("Asha", "literal['off']", "CustomDataset", "str", "list[str]", "constrained-str")


def parse_spec(document: SourceDocument) -> SweepSpec:
    """The spec that `document` describes. Raises SearchSpaceError with a line for each mistake."""
    try:
        spec = SweepSpec.model_validate(_located(document))
    except ValidationError as error:
        mistakes = [found for detail in error.errors() if (found := _translated(detail))]
    else:
        mistakes = list(_mistakes(spec))
    if mistakes:
        lines = [f"{document.location(m.path)}: {format_key(m.path)}: {m.rule}" for m in mistakes]
        raise SearchSpaceError(list(dict.fromkeys(lines)))
    return spec


def _located(document: SourceDocument) -> dict[str, Any]:
    """The values, with the files of a data set looked for beside the document first, then here."""
    dataset = document.values.get("dataset")
    if not isinstance(dataset, dict):
        return document.values
    folder = FilePath(document.name).parent
    found = {}
    for split in ("train", "validation", "test"):
        path = dataset.get(split)
        if isinstance(path, str) and path:
            beside = folder / FilePath(path).expanduser()
            found[split] = str((beside if beside.exists() else FilePath(path).expanduser()).absolute())
    return {**document.values, "dataset": {**dataset, **found}}


def _translated(detail: Any) -> SpecIssue | None:
    """A complaint of pydantic in this house's words."""
    path: KeyPath = tuple(part for part in detail["loc"] if part not in _ALTERNATIVES)
    if detail["loc"][-1:] == ("str",) and isinstance(detail["input"], (dict, list)):
        return None  # it is no word; what is wrong with it as what it is, is told beside this
    if path[:2] == ("dataset", "text"):
        return SpecIssue(path, f"must be a column, or a list of two for a pair, got {quote_value(detail['input'])}")
    if path == ("dataset",) and not isinstance(detail["input"], dict):
        rule = f"must be a name or a mapping such as {_EXAMPLE}, got {quote_value(detail['input'])}"
        return SpecIssue(path, rule)
    if path[:1] == ("start_with",) and len(path) > 3:
        return SpecIssue(path[:3], f"must be one value, got {quote_value(detail['input'])}")
    if "literal['off']" in detail["loc"] and isinstance(detail["input"], dict):
        return None  # a mapping is no `off`; what is wrong with it as a mapping is told beside this
    if detail["type"] == "extra_forbidden":
        model = _model_at(path[:-1])
        return SpecIssue(path, f"unknown key, {allowed_hint(model.model_fields, str(path[-1]))}")
    if detail["type"] == "missing":
        return SpecIssue(path, "is missing; every search space names one")
    if path == ("asha",):
        return SpecIssue(
            path, f"must be off or {{grace_epochs: 2, reduction_factor: 3}}, got {quote_value(detail['input'])}"
        )
    if detail["type"] in ("model_type", "dict_type"):
        return SpecIssue(path, f"must be a mapping of keys to values, got {quote_value(detail['input'])}")
    rule = detail["msg"].replace("Input should", "must")
    if path[:1] == ("objective",) and str(detail["input"]).startswith("test/"):
        rule += " (the test split chooses nothing)"
    return SpecIssue(path, f"{rule}, got {quote_value(detail['input'])}")


def _model_at(path: KeyPath) -> type[BaseModel]:
    """The section that a key of the spec holds, alone or among other things that it can be."""
    if not path:
        return SweepSpec
    kind = SweepSpec.model_fields[str(path[0])].annotation
    return next(one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, BaseModel))


def _mistakes(spec: SweepSpec) -> Iterator[SpecIssue]:
    if isinstance(spec.dataset, CustomDataset):
        yield from _own(spec.dataset)
    elif spec.dataset not in DATASETS:
        rule = (
            f"unknown data set, got {spec.dataset}, {allowed_hint(DATASETS, spec.dataset)}; or your own, as {_EXAMPLE}"
        )
        yield SpecIssue(("dataset",), rule)
    if (spec.objective.maximize is None) == (spec.objective.minimize is None):
        yield SpecIssue(("objective",), "needs exactly one of maximize and minimize")
    names = list(_names(spec))
    yield from names
    if names:
        return
    try:
        found = validation.validate_space(spec.space, spec.start_with)
    except hyperparameter_syntax.HyperparameterSyntaxError as error:
        rule = f"{error.rule}, {allowed_hint(error.names, error.word)}" if error.names else error.rule
        found = [SpecIssue(error.path, rule)]
    yield from found or _budget(spec)


def _own(own: CustomDataset) -> Iterator[SpecIssue]:
    if (own.hub is None) == (own.train is None):
        yield SpecIssue(("dataset",), f"needs train or hub, one of them, such as {_EXAMPLE}")
    elif own.hub is not None and own.files:
        yield SpecIssue(("dataset",), "has files beside hub; the hub's splits are train, validation and test")
    for split, path in own.files.items() if own.hub is None else ():
        if not FilePath(path).is_file():
            yield SpecIssue(
                ("dataset", split), f"no such file, got {path}; it is looked for beside this file, then here"
            )


def _names(spec: SweepSpec) -> Iterator[SpecIssue]:
    for section in ("compare", "search", "training"):
        for name, value in getattr(spec, section).items():
            if name in RUNTIME_FIELDS:
                yield SpecIssue(
                    (section, name), "is set by sweeper for each trial; use the top-level `seed`, or `resources`"
                )
            elif name not in HYPERPARAMETERS:
                yield SpecIssue((section, name), f"unknown knob, {allowed_hint(HYPERPARAMETERS, name)}")
            elif section == "training" and (reason := validation_error(name, value)):
                yield SpecIssue((section, name), f"{reason}, got {quote_value(value)}")
            elif section != "training" and name == "validations_per_epoch":
                yield SpecIssue((section, name), "cannot vary, for ASHA compares step with step; set it under training")
    if not any("encoder" in getattr(spec, section) for section in ("compare", "search", "training")):
        yield SpecIssue(("compare",), f"needs an encoder, such as encoder: [{ENCODERS[0]}]")


def _budget(spec: SweepSpec) -> Iterator[SpecIssue]:
    if spec.budget.trials < len(spec.systems):
        rule = f"each cell needs a trial: at least {len(spec.systems)} for {len(spec.systems)} cells, got {spec.budget.trials}"
        yield SpecIssue(("budget", "trials"), rule)
    if spec.sampler == "grid":
        yield from _grid(spec)
    if isinstance(spec.asha, Asha):
        per_epoch = spec.validations_per_epoch
        steps = spec.asha.grace_epochs * per_epoch
        if steps < 1 - 1e-9 or not math.isclose(steps, round(steps)):
            rule = f"must come to whole validations at {per_epoch} per epoch, got {spec.asha.grace_epochs:g}"
            yield SpecIssue(("asha", "grace_epochs"), rule)


def _grid(spec: SweepSpec) -> Iterator[SpecIssue]:
    hyperparameters = spec.space.searched_hyperparameters()
    endless = [
        hyperparameter
        for hyperparameter in hyperparameters
        if any(branch.domain.enumerate_values() is None for branch in hyperparameter.branches)
    ]
    for hyperparameter in endless:
        yield SpecIssue(
            ("search", hyperparameter.name), "has no list of values for sampler: grid; use a list, or give a step"
        )
    settings = spec.space.enumerate_settings(
        {hyperparameter.name for hyperparameter in hyperparameters}, spec.systems[0]
    )
    if not endless and count_up_to(settings, _LARGEST_GRID + 1) > _LARGEST_GRID:
        yield SpecIssue(("sampler",), f"a grid has at most {_LARGEST_GRID:,} settings in a cell; use tpe or random")
