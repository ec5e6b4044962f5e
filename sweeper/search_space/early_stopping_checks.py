"""Checks of early stopping: one known rule with known settings, and grace epochs that end with a validation."""

from collections.abc import Iterator

from pydantic import ValidationError

from sweeper.search_space.document import KeyPath
from sweeper.search_space.early_stopping import DEFAULT_RULE, EARLY_STOPPING
from sweeper.search_space.issue import SpecIssue
from sweeper.search_space.pydantic_errors import EARLY_STOPPING_EXAMPLE, translate_errors
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.wording import allowed_hint

_MAX_VALIDATIONS = 100  # per epoch, that a message advises
_MOST_ROUNDED = 0.005  # epochs by which grace epochs may be rounded: 0.33 is one of 3 validations
_MOST_OFF = 0.05  # validations by which they may then be off


def check_early_stopping(spec: SweepSpec) -> Iterator[SpecIssue]:
    """Yield the issues of the long form. ASHA has none: on reading, its long form became the key `asha`."""
    if "early_stopping" not in spec.model_fields_set:
        return
    path: KeyPath = ("early_stopping",)
    rules = spec.early_stopping or {}
    if len(rules) != 1:
        got = " and ".join(rules) or "nothing"
        yield SpecIssue(path, f"must be off or one rule, such as {EARLY_STOPPING_EXAMPLE}, got {got}")
        return
    name, settings = next(iter(rules.items()))
    if name not in EARLY_STOPPING:
        yield SpecIssue((*path, name), f"unknown rule, {allowed_hint(EARLY_STOPPING, name)}")
        return
    model = EARLY_STOPPING[name].settings
    try:
        model.model_validate(settings)
    except ValidationError as error:
        yield from translate_errors(error, model, (*path, name))


def check_grace_epochs(spec: SweepSpec) -> Iterator[SpecIssue]:
    """Yield an issue if the grace epochs do not end with a validation."""
    settings, per_epoch = spec.early_stopping_settings, spec.validations_per_epoch
    if settings is None or _is_whole(settings.grace_epochs, per_epoch):
        return
    grace = settings.grace_epochs
    finer = (more for more in range(per_epoch, _MAX_VALIDATIONS + 1) if _is_whole(grace, more))
    remedies = [f"write {max(1, round(grace * per_epoch)) / per_epoch:.3g}"]
    remedies += [f"set training.validations_per_epoch to {more}" for more in finer][:1]
    rule = f"must come to whole validations at {per_epoch} per epoch, got {grace:g}; {', or '.join(remedies)}"
    section: KeyPath = (DEFAULT_RULE,) if spec.early_stopping is None else ("early_stopping", *spec.early_stopping)
    yield SpecIssue((*section, "grace_epochs"), rule)


def _is_whole(epochs: float, per_epoch: int) -> bool:
    """Return True if these epochs are a number of validations, or one that is rounded to two digits."""
    validations = epochs * per_epoch
    off = abs(validations - round(validations))
    return round(validations) >= 1 and off <= min(_MOST_OFF, _MOST_ROUNDED * per_epoch) + 1e-9
