"""The errors of pydantic as issues in plain words, each with the path of the key as the user wrote it."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.search_space.document import KeyPath, format_key
from sweeper.search_space.early_stopping import DEFAULT_RULE, EARLY_STOPPING, AshaSettings
from sweeper.search_space.issue import SpecIssue
from sweeper.search_space.misplaced_keys import unknown_key_rule
from sweeper.search_space.racing import RacingSettings
from sweeper.search_space.samplers import SAMPLERS
from sweeper.training.metric_registry import CLASS_METRICS, find_metric, is_metric
from sweeper.wording import allowed_hint, format_value, nearest_listed, plain_rule, quote_value

DATASET_EXAMPLE = "{train: a.jsonl, validation: b.jsonl, text: review, label: sentiment}"
_ASHA_EXAMPLE = format_value(EARLY_STOPPING[DEFAULT_RULE].settings().model_dump())
_RACING_EXAMPLE = format_value(RacingSettings().model_dump())
EARLY_STOPPING_EXAMPLE = f"{{{DEFAULT_RULE}: {_ASHA_EXAMPLE}}}"

_NAME = "must begin with a letter or a digit, and have only letters, digits, _, . and -"
_PATTERNS: dict[KeyPath, str] = {
    ("storage",): "must be an absolute path or a URL, such as /mnt/shared or s3://BUCKET/sweeps"
}
_RULES: dict[KeyPath, str] = {
    ("dataset", "text"): "must be a column, or a list of two for a pair",
    ("sampler",): "unknown sampler",
    ("budget", "patience"): "must be a number of trials, or a mapping of keys to values",
    ("racing",): f"must be off, a number of settings, or a mapping such as {_RACING_EXAMPLE}",
    ("asha",): f"must be off or {_ASHA_EXAMPLE}",
    ("early_stopping",): f"must be off or {EARLY_STOPPING_EXAMPLE}",
}
_OFF = "literal['off']"
# pydantic names the alternatives of a union in an error's path; they are no keys of the file
_MODELS = (AshaSettings.__name__, CustomDataset.__name__, RacingSettings.__name__)
_ALTERNATIVES = (*_MODELS, _OFF, "str", "list[str]", "constrained-str")


def translate_errors(
    error: ValidationError, model: type[BaseModel], prefix: KeyPath = (), values: Mapping[str, Any] | None = None
) -> list[SpecIssue]:
    """Return the issues that pydantic found in a `model` whose values stand at the path `prefix`.

    `values` are those of the whole file, if known.
    """
    return [
        SpecIssue((*prefix, *issue.path), issue.rule)
        for detail in error.errors()
        if (issue := _translate(detail, model, values or {}, is_whole=not prefix)) is not None
    ]


def _translate(detail: Any, model: type[BaseModel], values: Mapping[str, Any], *, is_whole: bool) -> SpecIssue | None:
    """Return the issue of one error, or None if another error of the same value says it better."""
    location, written = detail["loc"], detail["input"]
    if location[-1:] == ("str",) and isinstance(written, (dict, list)):
        return None  # the error of the alternative that is a mapping or a list says more
    if _OFF in location and not isinstance(written, str):
        return None  # the error of the alternative that is a mapping says more
    path: KeyPath = tuple(key for key in location if key not in _ALTERNATIVES)
    if path[:1] == ("start_with",) and len(path) > 3:
        return SpecIssue(path[:3], f"must be one value, got {quote_value(written)}")
    if detail["type"] == "early_stopping_twice":
        return SpecIssue(("early_stopping",), detail["msg"])
    if detail["type"] == "extra_forbidden":
        names = _model_at(model, path[:-1]).model_fields
        if len(path) == 1 and path[0] in CustomDataset.model_fields:
            return SpecIssue(path, f"unknown key; for your own data, write it under dataset, as {DATASET_EXAMPLE}")
        is_top = is_whole and len(path) == 1
        return SpecIssue(path, unknown_key_rule(str(path[-1]), list(names), values, is_top=is_top))
    if detail["type"] == "missing":
        whole = "every search space" if len(path) == 1 else format_key(path[:-1])
        return SpecIssue(path, f"is missing; {whole} needs this key")
    rule = _rule(path, detail)
    is_remarked = "(" in rule  # with a remark on what was written
    hint = _sampler_hint(path, written) or ("" if is_remarked else nearest_listed(rule, written))
    return SpecIssue(path, f"{rule}, got {quote_value(written)}{hint}")


def _rule(path: KeyPath, detail: Any) -> str:
    """Return the rule that a value breaks."""
    written = detail["input"]
    if path == ("dataset",) and not isinstance(written, dict):
        return f"must be a name or a mapping such as {DATASET_EXAMPLE}"
    key = path[:2] if path[:1] == ("dataset",) else path  # the text of a data set may be a list of columns
    if key in _RULES:
        return _RULES[key]
    if detail["type"] in ("model_type", "dict_type"):
        return "must be a mapping of keys to values"
    if detail["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(path, _NAME)
    if detail["type"] == "too_short":
        return f"must be a list of at least {detail['ctx']['min_length']} values"
    rule = plain_rule(detail["msg"])
    if path == ("objective", "maximize"):
        rule += " or, for one class, validation/f1/CLASS"
    if path[:1] == ("objective",) and str(written).startswith("test/"):
        rule += " (the test split chooses nothing)"
    rule += _other_direction(path, str(written))
    return rule


def _other_direction(path: KeyPath, metric: str) -> str:
    """Return a remark on a metric that can be an objective the other way only, or not at all; or nothing."""
    other = {"maximize": "minimize", "minimize": "maximize"}.get(str(path[-1])) if path[:1] == ("objective",) else None
    name = metric.removeprefix("validation/")
    if other is not None and name in CLASS_METRICS:
        return f" ({name} needs the name of a class: validation/{name}/CLASS)"
    if other is None or not is_metric(name):
        return ""
    if not find_metric(name).is_objective:
        return f" ({name} is none: a model that knows nothing can have a good one)"
    better = find_metric(name).better
    is_other_way = better is not None and other == ("maximize" if better == "higher" else "minimize")
    if is_other_way:
        return f" ({better} values of {name} are better: {other}: validation/{name})"
    return f" (write validation/{name})" if better and metric == name else ""


def _sampler_hint(path: KeyPath, written: object) -> str:
    return f", {allowed_hint(SAMPLERS, str(written))}" if path == ("sampler",) else ""


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    """Return the model of the section at `path`, alone or among the alternatives of its key."""
    for key in path:
        kind = model.model_fields[str(key)].annotation
        alternatives = (kind, *get_args(kind))
        model = next(other for other in alternatives if isinstance(other, type) and issubclass(other, BaseModel))
    return model
