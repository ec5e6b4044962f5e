"""Keys and hyperparameters at a wrong level of a search space file: the level at which they belong."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.search_space.schema import SearchSpaceFile
from sweeper.training.config import HYPERPARAMETERS
from sweeper.wording import allowed_hint

_HYPERPARAMETER_SECTIONS = ("compare", "search", "training")
_COMPARED = ("encoder", "loss")
_FIRST = ("budget", "confirm", "resources")  # whose keys are meant where several sections have a key of that name
_NEAR, _NEAR_ELSEWHERE = 0.5, 0.8


def unknown_key_rule(name: str, siblings: Sequence[str], values: Mapping[str, Any], *, is_top: bool) -> str:
    """Return the rule that an unknown key breaks, with the nearest name: among its `siblings`, or of another level.

    `values` are those of the file. A key of another level is meant if no sibling is as near; in a section, whose keys
    are few, only if none is near at all.
    """
    near = difflib.get_close_matches(name, siblings, n=1, cutoff=_NEAR)
    others = difflib.get_close_matches(name, [*HYPERPARAMETERS, *_section_keys()], n=1, cutoff=_NEAR_ELSEWHERE)
    if others and (not near or (is_top and _likeness(name, others[0]) > _likeness(name, near[0]))):
        return f"unknown key here; did you mean {_place_of(others[0], values)}?"
    return f"unknown key, {allowed_hint(siblings, name)}"


def unknown_hyperparameter_rule(name: str) -> str:
    """Return the rule that an unknown hyperparameter breaks, with what was probably meant."""
    keys = {**{key: key for key in SearchSpaceFile.model_fields}, **_section_keys()}
    if name in keys:
        return f"is no hyperparameter; did you mean {keys[name]}?"
    return f"unknown hyperparameter, {allowed_hint(HYPERPARAMETERS, name)}"


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, b, a).ratio()


def _place_of(name: str, values: Mapping[str, Any]) -> str:
    """Return the key of a name in the file: of a hyperparameter, the section that has it, or else a usual one."""
    if name not in HYPERPARAMETERS:
        return _section_keys()[name]
    sections = [section for section in _HYPERPARAMETER_SECTIONS if name in (values.get(section) or ())]
    is_listed = isinstance(values.get(name), list | dict)
    usual = "compare" if name in _COMPARED else "search" if is_listed else "training"
    return f"{sections[0] if sections else usual}.{name}"


@cache
def _section_keys() -> Mapping[str, str]:
    """Return the keys of the sections, each with its section: budget.trials for trials."""
    fields = SearchSpaceFile.model_fields
    keys: dict[str, str] = {}
    for section in (*_FIRST, *fields):
        for model in _models(fields[section].annotation):
            for key in model.model_fields:
                keys.setdefault(key, f"{section}.{key}")
    return keys


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models of a section. That of the user's data is left out: its keys have a message of their own."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not CustomDataset:
            yield kind
