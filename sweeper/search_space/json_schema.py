"""The JSON Schema of a search space file, for editors that complete and check YAML.

It is made from the pydantic models and the registries. What depends on several keys, such as a `when` that can never be
met, is left to the parser.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from sweeper.data.catalog import DATASETS
from sweeper.search_space.budget import Patience
from sweeper.search_space.early_stopping import EARLY_STOPPING
from sweeper.search_space.racing import RacingSettings
from sweeper.search_space.schema import SearchSpaceFile
from sweeper.training.config import ACTIVE_WHEN, HYPERPARAMETERS, TrainConfig

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"  # the newest that YAML's language server knows in full
_DEFINITIONS = "#/definitions/"
_RANGES = {"compare": ("uniform",), "search": ("uniform", "log")}  # a compared hyperparameter needs a list of values
# the key that a plain number in place of the section stands for
_NUMBER_FORMS: Mapping[type[BaseModel], str] = {Patience: "trials", RacingSettings: "settings"}
_OFF, _NULL = {"const": "off"}, {"type": "null"}
SCHEMA_FILE = "schema.json"  # beside the search spaces that ship
FIRST_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"


def search_space_schema() -> Schema:
    """Return the JSON Schema of a search space file."""
    schema = SearchSpaceFile.model_json_schema(ref_template=_DEFINITIONS + "{model}")
    definitions, keys = schema.pop("$defs"), schema["properties"]
    for rule in EARLY_STOPPING.values():
        definitions |= _definitions(rule.settings)
    keys["dataset"]["anyOf"][0] = {"enum": list(DATASETS), "description": "A data set of the catalog."}
    keys["asha"]["anyOf"].append(_NULL)  # beside early_stopping, where an override replaces a file's asha
    keys["early_stopping"]["anyOf"] = [_OFF, _rule_schema(), _NULL]
    keys["training"] = _section(keys["training"], {name: _reference(name) for name in HYPERPARAMETERS})
    keys["start_with"]["items"] = _section({}, {name: _reference(name) for name in HYPERPARAMETERS})
    for section in ("compare", "search"):
        keys[section] = _section(keys[section], {name: _reference(name, section) for name in HYPERPARAMETERS})
    definitions |= _hyperparameter_definitions() | _number_forms(definitions)
    whole = {"$schema": DIALECT, **schema, "title": "A search space of sweeper", "definitions": definitions}
    return _without_units(whole)  # type: ignore[no-any-return]


def schema_text() -> str:
    """Return the text of the schema's file."""
    return json.dumps(search_space_schema(), indent=2, ensure_ascii=False) + "\n"


def _definitions(model: type[BaseModel]) -> Schema:
    """Return the schema of a model, and of all models in it, by name."""
    schema = model.model_json_schema(ref_template=_DEFINITIONS + "{model}")
    return {**schema.pop("$defs", {}), model.__name__: schema}


def _rule_schema() -> Schema:
    """Return the schema of a mapping with one early stopping rule."""
    references = {name: {"$ref": f"{_DEFINITIONS}{rule.settings.__name__}"} for name, rule in EARLY_STOPPING.items()}
    rules = {name: {"anyOf": [reference, _OFF]} for name, reference in references.items()}
    return {**_section({}, rules), "minProperties": 1, "maxProperties": 1}


def _number_forms(definitions: Schema) -> Schema:
    """Return the schemas of the sections in whose place a number may stand: of the number, or of the mapping."""
    models = {model.__name__: key for model, key in _NUMBER_FORMS.items()}
    return {name: {"anyOf": [definitions[name]["properties"][key], definitions[name]]} for name, key in models.items()}


def _section(key: Mapping[str, Any], properties: Schema) -> Schema:
    """Return the schema of a mapping that has these keys only, with the description and default of `key`."""
    kept = {name: key[name] for name in ("title", "description", "default") if name in key}
    return {**kept, "type": "object", "properties": properties, "additionalProperties": False}


def _reference(name: str, section: str = "value") -> Schema:
    """Return the reference to a hyperparameter's value, or to its forms in a section."""
    return {"$ref": f"{_DEFINITIONS}{section}.{name}"}


def _hyperparameter_definitions() -> Schema:
    """Return the schema of each hyperparameter's value, and of its forms under compare and search."""
    properties, definitions = TrainConfig.model_json_schema()["properties"], {}
    for name in HYPERPARAMETERS:
        value = properties[name]
        definitions[f"value.{name}"] = {**value, "description": _describe(name, value)}
        for section, ranges in _RANGES.items():
            definitions[f"{section}.{name}"] = _forms(name, section)
            definitions[f"{section}.{name}.branch"] = _branch(name, value.get("type", ""), ranges)
    when = {name: {"anyOf": [_reference(name), _list_of(_reference(name))]} for name in HYPERPARAMETERS}
    about = {"description": "Active only where each of these has one of these values."}
    return {**definitions, "when": _section(about, when)}


def _describe(name: str, value: Schema) -> str:
    unit, default = value["unit"], value.get("default")
    active = (f"Active for {other}: {', '.join(map(str, values))}." for other, values in
              ACTIVE_WHEN.get(name, {}).items())  # fmt: skip
    notes = (f"Unit: {unit}." if unit else "", f"Default: {json.dumps(default)}." if default is not None else "")
    return " ".join(filter(None, (value["description"], *notes, *active)))


def _forms(name: str, section: str) -> Schema:
    """Return the schema of a hyperparameter that varies: a value, a list, a mapping with a range, or cases."""
    branch = _reference(f"{name}.branch", section)
    cases = _section({}, {"cases": _list_of({"allOf": [branch, {"required": ["when"]}]}, unique=False)})
    forms = [_reference(name), _list_of(_reference(name)), branch, {**cases, "required": ["cases"]}]
    return {"anyOf": forms}


def _branch(name: str, type_name: str, ranges: tuple[str, ...]) -> Schema:
    """Return the schema of a mapping with one form of values, and a condition."""
    bounds = {"type": "array", "minItems": 2, "maxItems": 2, "description": "The lowest and the highest value."}
    forms: Schema = {"value": _reference(name), "choice": _list_of(_reference(name))}
    if type_name in ("number", "integer"):
        forms["int"] = {**bounds, "items": {"type": "integer"}}
    if type_name == "number":
        forms |= {form: {**bounds, "items": _reference(name)} for form in ranges}
    beside = _keys_beside_a_range(forms) if "int" in forms else {}
    prior = {"prior": _reference(name)} if "log" in ranges else {}  # under search
    properties = {**forms, **beside, **prior, "when": {"$ref": f"{_DEFINITIONS}when"}}
    return {**_section({}, properties), "oneOf": [_only_form(form, has_flag="log" in beside) for form in forms]}


def _keys_beside_a_range(forms: Schema) -> Schema:
    """Return the keys `step` and `log`. A range may be written as `log` too; true and false go with `int`."""
    flag = {"type": "boolean", "description": "Beside int: uniform in its logarithm."}
    log = {"anyOf": [forms["log"], flag]} if "log" in forms else flag
    return {"step": {"type": "number", "exclusiveMinimum": 0}, "log": log}


def _only_form(form: str, *, has_flag: bool) -> Schema:
    """Return what a mapping with this form of values has. `log: true` is no form, and goes with `int` only."""
    no_flag = {"properties": {"log": {"type": "array"}}} if has_flag and form != "int" else {}
    return {"required": [form], **no_flag}


def _list_of(value: Schema, *, unique: bool = True) -> Schema:
    return {"type": "array", "items": value, "minItems": 1, "uniqueItems": unique}


def _without_units(schema: Any) -> Any:
    """Return a schema without the entries that only the reference uses."""
    if isinstance(schema, dict):
        return {
            key: _without_units(value)
            for key, value in schema.items()
            if not (key == "unit" and isinstance(value, str))
        }
    return [_without_units(item) for item in schema] if isinstance(schema, list) else schema
