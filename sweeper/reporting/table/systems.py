"""The systems of the table, its rows: an encoder with a loss, and other hyperparameters if these were compared.

The results of a sweep name only what it varied. An encoder and a loss that all its systems share belong to these
systems as well, so that different sweeps of a data set have the same rows.
"""

from collections.abc import Iterable, Mapping, Sequence

from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import SystemResult
from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.registry import LOSSES
from sweeper.wording import format_value

SystemKey = tuple[tuple[str, Scalar], ...]  # names and values of hyperparameters
ROW_HYPERPARAMETERS = ("encoder", "loss")  # every row shows these
_RESOLVED_DATA = ("dataset", "rows", "learn_from")  # the keys of `resolved` that are not encoders
_NO_VALUE = "–"


def system_of(results: SweepResults, result: SystemResult) -> SystemKey:
    """Return the system of a result. A hyperparameter that was searched is not part of it."""
    searched = _searched(results, result)
    shared = {name: results.training[name] for name in ROW_HYPERPARAMETERS if name in results.training}
    encoders = [name for name in results.resolved if name not in _RESOLVED_DATA]
    if len(encoders) == 1:
        shared = {"encoder": encoders[0], **shared}
    if results.training:
        shared = {"loss": TrainConfig.model_fields["loss"].default, **shared}
    params = {name: value for name, value in shared.items() if name not in searched} | result.system
    return tuple((name, params[name]) for name in sorted(params, key=_column_order))


def _searched(results: SweepResults, result: SystemResult) -> set[str]:
    """Return which hyperparameters of a row were searched: trials have them, and the system itself does not."""
    params = [result.best.params if result.best else {}, *(trial.params for trial in results.trial_results)]
    return {
        name for name in ROW_HYPERPARAMETERS if name not in result.system and any(name in setting for setting in params)
    }


def _column_order(name: str) -> tuple[int, str]:
    position = ROW_HYPERPARAMETERS.index(name) if name in ROW_HYPERPARAMETERS else len(ROW_HYPERPARAMETERS)
    return position, name


def order_systems(systems: Iterable[SystemKey]) -> list[SystemKey]:
    """Return the systems in the order of the rows: encoders as they come, the losses of each as in `LOSSES`."""
    unique = list(dict.fromkeys(systems))
    encoders = [dict(system).get("encoder") for system in unique]
    return sorted(unique, key=lambda system: (encoders.index(dict(system).get("encoder")), _loss_order(system)))


def _loss_order(system: SystemKey) -> int:
    loss = dict(system).get("loss")
    return next((position for position, name in enumerate(LOSSES) if name == loss), len(LOSSES))


def system_hyperparameters(systems: Sequence[SystemKey]) -> list[str]:
    """Return the hyperparameters that the rows show: encoder, loss, and any other that differs between systems."""
    other_names = dict.fromkeys(name for system in systems for name, _ in system if name not in ROW_HYPERPARAMETERS)
    differing = [name for name in other_names if len({dict(system).get(name, _NO_VALUE) for system in systems}) > 1]
    return [*ROW_HYPERPARAMETERS, *differing]


def name_rows(systems: Sequence[SystemKey]) -> Mapping[SystemKey, tuple[str, ...]]:
    """Return the texts of each system's row, one for each of `system_hyperparameters`.

    An encoder is named without its owner if that is still unique.
    """
    encoders = {str(dict(system).get("encoder", _NO_VALUE)) for system in systems}
    short = {name: name.rpartition("/")[2] or name for name in encoders}
    unique = {name: short[name] if list(short.values()).count(short[name]) == 1 else name for name in encoders}
    other_names = system_hyperparameters(systems)[1:]
    rows = {}
    for system in systems:
        params = dict(system)
        texts = (format_value(params[name]) if name in params else _NO_VALUE for name in other_names)
        rows[system] = (unique[str(params.get("encoder", _NO_VALUE))], *texts)
    return rows


def name_systems(results: SweepResults) -> list[str]:
    """Return the name of each system of a sweep: the texts of its row, one after the other."""
    systems = [system_of(results, result) for result in results.systems]
    rows = name_rows(systems)
    return [" ".join(rows[system]) for system in systems]
