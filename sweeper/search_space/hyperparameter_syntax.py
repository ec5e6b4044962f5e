"""The ways to write a hyperparameter in a search space, and the parser that turns them into branches.

batch_size: 32                                   one value
batch_size: [4, 8, 32]                           one of several
batch_size: {int: [4, 64], step: 4}              a whole number, both ends included
batch_size: {int: [4, 64], log: true}            a whole number, uniform in its logarithm
learning_rate: {log: [1e-5, 1e-4]}               a real number, uniform in its logarithm
alpha: {uniform: [0.1, 0.9], step: 0.1}          a real number, here in steps
tau: {log: [0.05, 1], when: {normalize: true}}   only if another hyperparameter has this value, or one of these
tau: {cases: [{…, when: …}, {…, when: …}]}       another range for each case
loss: {choice: [scl, lcl], when: {…}}            a list or one value (`value:`) with a condition
learning_rate: {log: [1e-5, 1e-4], prior: 3e-5}  the best value is expected near this one; with every form under search
"""

import math
from typing import Any

from sweeper.search_space.document import KeyPath
from sweeper.search_space.domains import Categorical, Domain, Float, Int, equal_values, step_fraction
from sweeper.search_space.space import ConditionalDomain, Hyperparameter, When
from sweeper.training.config import Scalar, is_float, validation_error
from sweeper.wording import format_value, nearest_listed, quote_value

_RANGES = ("uniform", "log", "int")
_FORMS = ("value", "choice", *_RANGES)
_KEYS = (*_FORMS, "step", "prior", "when")
_MAX_STEPS = 100_000  # of a real range, whose values are listed


class HyperparameterSyntaxError(Exception):
    """A hyperparameter that is not written correctly.

    `path` leads from the hyperparameter to the mistake and `rule` is the rule that it breaks. For an unknown key,
    `names` are the allowed ones and `word` is the key.
    """

    def __init__(self, path: KeyPath, rule: str, names: tuple[str, ...] = (), word: str = "") -> None:
        super().__init__(rule)
        self.path, self.rule, self.names, self.word = path, rule, names, word


def parse_hyperparameter(name: str, section: str, raw: Any) -> Hyperparameter:
    """Return the hyperparameter `name` of a section from its value in the file.

    Raises HyperparameterSyntaxError.
    """
    if isinstance(raw, dict) and "cases" in raw:
        hyperparameter = Hyperparameter(name, section, _parse_cases(name, raw))
    else:
        hyperparameter = Hyperparameter(name, section, (_parse_branch(name, name, raw, ()),))
    if section != "search" and any(branch.prior is not None for branch in hyperparameter.branches):
        raise HyperparameterSyntaxError(
            (), f"has a prior, which is only for search; under {section} every value is used; leave it out"
        )
    return hyperparameter


def _parse_cases(name: str, raw: dict[str, Any]) -> tuple[ConditionalDomain, ...]:
    for key in raw:
        if key in (*_FORMS, "step", "when"):
            raise HyperparameterSyntaxError((key,), "stands beside cases; write it in one of the cases")
    _check_keys(raw, ("cases",), ())
    cases = raw["cases"]
    if not isinstance(cases, list) or not cases:
        raise HyperparameterSyntaxError(("cases",), f"must be a list of ranges with `when`, got {quote_value(cases)}")
    for index, case in enumerate(cases):
        if isinstance(case, dict):
            _check_keys(case, _KEYS, ("cases", index))
        if not isinstance(case, dict) or "when" not in case:
            raise HyperparameterSyntaxError(
                ("cases", index), "each case needs a `when`, such as when: {normalize: true}"
            )
    return tuple(_parse_branch(name, f"{name}[{k + 1}]", case, ("cases", k)) for k, case in enumerate(cases))


def _parse_branch(name: str, parameter: str, raw: Any, path: KeyPath) -> ConditionalDomain:
    if isinstance(raw, list):
        return ConditionalDomain(parameter, _parse_choice(name, raw, path))
    if not isinstance(raw, dict):
        return ConditionalDomain(parameter, _parse_choice(name, [raw], path))
    _check_keys(raw, _KEYS, path)
    forms = [form for form in _FORMS if form in raw and not (form == "log" and _is_log_flag(raw))]
    if len(forms) != 1:
        got = " and ".join(forms) or "none"
        raise HyperparameterSyntaxError(path, f"needs exactly one of {', '.join(_FORMS)}, got {got}")
    form = forms[0]
    if "step" in raw and form not in ("uniform", "int"):
        raise HyperparameterSyntaxError((*path, "step"), f"goes with uniform and int, got {form}; leave it out")
    if form != "log" and "log" in raw:
        _check_log_flag(form, raw, path)
    domain = _parse_range(name, form, raw, path) if form in _RANGES else _parse_list(name, form, raw, path)
    when = _parse_when(raw.get("when", {}), (*path, "when"))
    return ConditionalDomain(parameter, domain, when, _parse_prior(raw, domain, (*path, "prior")))


def _parse_prior(raw: dict[str, Any], domain: Domain, path: KeyPath) -> Scalar | None:
    if "prior" not in raw:
        return None
    prior = raw["prior"]
    if not isinstance(prior, (str, int, float, bool)) or not domain.contains(prior):
        kind = "one of" if isinstance(domain, Categorical) else "a value from"
        raise HyperparameterSyntaxError(path, f"must be {kind} {domain}, got {quote_value(prior)}")
    return domain.as_listed(prior)


def _is_log_flag(raw: dict[str, Any]) -> bool:
    """Return True if `log` is a flag beside another form, and not a range."""
    return "log" in raw and not isinstance(raw["log"], list) and len(raw.keys() & set(_FORMS)) > 1


def _check_log_flag(form: str, raw: dict[str, Any], path: KeyPath) -> None:
    flag = raw["log"]
    if form != "int":
        rule = f"as a flag goes with int, got {form}; for real numbers write {{log: [low, high]}}"
    elif not isinstance(flag, bool):
        rule = f"must be true or false beside int, got {quote_value(flag)}"
    elif flag and "step" in raw:
        rule = f"does not go with a step, got step: {quote_value(raw['step'])}; keep one of them"
    else:
        return
    raise HyperparameterSyntaxError((*path, "log"), rule)


def _check_keys(raw: dict[str, Any], allowed: tuple[str, ...], path: KeyPath) -> None:
    for key in raw:
        if key not in allowed:
            raise HyperparameterSyntaxError((*path, key), "unknown key", allowed, key)


def _parse_list(name: str, form: str, raw: dict[str, Any], path: KeyPath) -> Categorical:
    values = raw[form] if form == "choice" else [raw[form]]
    if not isinstance(values, list):
        raise HyperparameterSyntaxError(
            (*path, form), f"must be a list, got {quote_value(values)}; write [{quote_value(values)}]"
        )
    return _parse_choice(name, values, (*path, form))


def _parse_choice(name: str, values: list[Any], path: KeyPath) -> Categorical:
    if not values:
        raise HyperparameterSyntaxError(path, "must list at least one value, got []")
    accepted: list[Scalar] = []
    for index, value in enumerate(values):
        at = (*path, index) if len(values) > 1 else path
        _check_value(name, value, at)
        if any(equal_values(value, other) for other in accepted):
            raise HyperparameterSyntaxError(at, f"lists {format_value(value)} twice; keep one")
        accepted.append(value)
    return Categorical(tuple(accepted))


def _check_value(name: str, value: Any, path: KeyPath) -> None:
    rule = validation_error(name, value)
    if rule:
        raise HyperparameterSyntaxError(
            path, f"{rule}, got {quote_value(value)}{list_hint(value) or nearest_listed(rule, value)}"
        )


def list_hint(value: Any) -> str:
    """Return the list to write for several values in one word, such as ce,lcl."""
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else []
    return f"; for several values write [{', '.join(parts)}]" if len(parts) > 1 and all(parts) else ""


def _parse_range(name: str, form: str, raw: dict[str, Any], path: KeyPath) -> Domain:
    is_log = form == "log" or raw.get("log") is True
    bounds, step = raw[form], raw.get("step")
    _check_bounds(name, form, bounds, is_log=is_log, at=(*path, form))
    low, high = bounds
    if step is not None:
        _check_step(step, low, high, is_int=form == "int", path=(*path, "step"))
    if form == "int" and not (isinstance(low, int) and isinstance(high, int)):
        raise HyperparameterSyntaxError((*path, form), f"both bounds must be whole numbers, got [{low}, {high}]")
    if low == high:
        return Categorical((low if form == "int" else float(low),))
    if form == "int":
        return Int(low, high, step or 1, is_log)
    return Float(float(low), float(high), is_log, None if step is None else float(step))


def _check_bounds(name: str, form: str, bounds: Any, *, is_log: bool, at: KeyPath) -> None:
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(_is_number(bound) for bound in bounds):
        raise HyperparameterSyntaxError(at, f"must be two numbers [low, high], got {quote_value(bounds)}")
    low, high = bounds
    if not (math.isfinite(low) and math.isfinite(high)):
        raise HyperparameterSyntaxError(at, f"both bounds must be finite, got {quote_value(bounds)}")
    if is_log and low <= 0:
        raise HyperparameterSyntaxError(at, f"a log range must lie above 0, got {quote_value(bounds)}")
    if low > high:
        rule = f"is empty: low <= high must hold, got {quote_value(bounds)}; write {format_value([high, low])}"
        raise HyperparameterSyntaxError(at, rule)
    if form != "int" and not is_float(name):
        raise HyperparameterSyntaxError(
            at, f"{name} is not a real number; use a list or {{int: [low, high]}}, got {form}"
        )
    for bound in bounds:
        _check_value(name, bound, at)


def _check_step(step: Any, low: float, high: float, *, is_int: bool, path: KeyPath) -> None:
    if not _is_number(step) or not math.isfinite(step) or step <= 0 or (is_int and not isinstance(step, int)):
        kind = "whole number" if is_int else "finite number"
        raise HyperparameterSyntaxError(path, f"must be a {kind} above 0, got {quote_value(step)}")
    if not is_int and high - low > _MAX_STEPS * step:
        rule = f"makes more than {_MAX_STEPS:,} values of the range from {low:g} to {high:g}, got {quote_value(step)}"
        raise HyperparameterSyntaxError(path, f"{rule}; use a larger step, or none")
    if step_fraction(high - low, step) > 1e-9:
        raise HyperparameterSyntaxError(
            path, f"must divide the range from {low:g} to {high:g}, got {quote_value(step)}"
        )


def _parse_when(raw: Any, path: KeyPath) -> When:
    if not isinstance(raw, dict):
        raise HyperparameterSyntaxError(path, f"must be a mapping of hyperparameters to values, got {quote_value(raw)}")
    conditions = {name: tuple(values) if isinstance(values, list) else (values,) for name, values in raw.items()}
    for name, values in conditions.items():
        if not values or not all(isinstance(value, (str, int, float, bool)) for value in values):
            raise HyperparameterSyntaxError(
                (*path, name), f"must be a value or a list of values, got {quote_value(raw[name])}"
            )
    return conditions


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
