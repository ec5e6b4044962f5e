"""What the table compares: systems, each an encoder with a loss and whatever other knobs were compared.

A sweep names only what it varied; the encoder and the loss that all of its cells share belong to its systems as well,
so that sweeps of one data set fall into the right rows.
"""

from collections.abc import Iterable, Mapping, Sequence

from sweeper.protocol.sweep_results import SweepResults, SystemResult
from sweeper.training.config import LOSSES, Scalar, TrainConfig
from sweeper.wording import format_value

SystemKey = tuple[tuple[str, Scalar], ...]  # knobs and their values
FIRST = ("encoder", "loss")  # the knobs that every row has
_NOT_ENCODERS = ("dataset", "rows")  # what else is resolved
_NONE = "–"


def system_of(sweep: SweepResults, found: SystemResult) -> SystemKey:
    """The system of a cell. A knob that its search decided is none of the system's."""
    searched = (found.best.params if found.best else {}).keys()
    fixed = {name: sweep.training[name] for name in FIRST if name in sweep.training}
    encoders = [name for name in sweep.resolved if name not in _NOT_ENCODERS]
    if len(encoders) == 1:
        fixed = {"encoder": encoders[0], **fixed}
    if sweep.training:
        fixed = {"loss": TrainConfig.model_fields["loss"].default, **fixed}
    known = {name: value for name, value in fixed.items() if name not in searched} | found.system
    return tuple((name, known[name]) for name in sorted(known, key=_place))


def _place(hyperparameter: str) -> tuple[int, str]:
    return (FIRST.index(hyperparameter) if hyperparameter in FIRST else len(FIRST)), hyperparameter


def order_systems(systems: Iterable[SystemKey]) -> list[SystemKey]:
    """Systems as the rows have them: encoders as they come, the losses of each in the order of config.LOSSES."""
    found = list(dict.fromkeys(systems))
    encoders = [dict(one).get("encoder") for one in found]
    return sorted(found, key=lambda one: (encoders.index(dict(one).get("encoder")), _loss(one)))


def _loss(system: SystemKey) -> int:
    loss = dict(system).get("loss")
    return next((place for place, name in enumerate(LOSSES) if name == loss), len(LOSSES))


def system_hyperparameters(systems: Sequence[SystemKey]) -> list[str]:
    """The knobs that tell the rows apart: encoder and loss, and the others that are not the same in all."""
    every = dict.fromkeys(name for one in systems for name, _ in one if name not in FIRST)
    return [*FIRST, *(name for name in every if len({dict(one).get(name, _NONE) for one in systems}) > 1)]


def names(systems: Sequence[SystemKey]) -> Mapping[SystemKey, tuple[str, ...]]:
    """What the row of each system says, by knob: an encoder without its owner where that still tells it apart."""
    encoders = {str(dict(one).get("encoder", _NONE)) for one in systems}
    short = {name: name.rpartition("/")[2] or name for name in encoders}
    telling = {name: short[name] if list(short.values()).count(short[name]) == 1 else name for name in encoders}
    others = system_hyperparameters(systems)[1:]
    rows = {}
    for one in systems:
        values = dict(one)
        spelt = (
            format_value(values[hyperparameter]) if hyperparameter in values else _NONE for hyperparameter in others
        )
        rows[one] = (telling[str(values.get("encoder", _NONE))], *spelt)
    return rows
