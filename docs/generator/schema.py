"""Tables of the fields of a pydantic model, from its JSON schema."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from docs.generator.markdown import code, table, value

_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
_NAMES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "nothing",
}

Schema = Mapping[str, Any]


class FieldRow(NamedTuple):
    """One field of a model, or of a model inside it."""

    key: str
    type: str
    unit: str
    default: str
    meaning: str


def field_rows(model: type[BaseModel]) -> list[FieldRow]:
    """Return a row for each field of `model` and, below it, for each field of a nested model."""
    schema = model.model_json_schema()
    return list(_rows(schema, schema, ""))


def field_table(model: type[BaseModel]) -> str:
    """Return the fields of `model`, with those of nested models, as a table."""
    rows = field_rows(model)
    columns = [name for name in FieldRow._fields if any(getattr(row, name) for row in rows)]
    return table(columns, [[getattr(row._replace(key=code(row.key)), name) for name in columns] for row in rows])


def describe_type(schema: Schema) -> str:
    """Return the type of a field in words, with its bounds."""
    if "enum" in schema:
        return " or ".join(value(item) for item in schema["enum"])
    if "const" in schema:
        return value(schema["const"])
    if "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]  # null: not given
        return " or ".join(dict.fromkeys(map(describe_type, choices)))
    if "$ref" in schema:
        return "a section"
    if schema.get("type") == "array":
        return f"a list: {describe_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        return "a mapping"
    bounds = [f"{sign} {schema[key]}" for key, sign in _BOUNDS.items() if key in schema]
    name = _NAMES.get(str(schema.get("type")), "any value")
    return " ".join([name, " and ".join(bounds)]).strip()


def describe_default(schema: Schema, *, required: bool) -> str:
    """Return the default of a field; "required" if it has none."""
    if required:
        return "required"
    default = schema.get("default")
    return "" if default is None or default in ({}, []) else value(default)


def _rows(root: Schema, schema: Schema, prefix: str) -> Iterator[FieldRow]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        nested = _nested(root, field)
        default = "" if nested and name not in required else describe_default(field, required=name in required)
        meaning = field.get("description", _about(nested))
        yield FieldRow(f"{prefix}{name}", _type(root, field), field.get("unit", ""), default, meaning)
        for part, ending in nested:
            yield from _rows(root, part, f"{prefix}{name}{ending}.")


def _nested(root: Schema, field: Schema) -> list[tuple[Schema, str]]:
    """Return the models inside a field, each with what follows the field's name: "" or "[]" for items of a list."""
    choices = [*field.get("anyOf", ()), *field.get("oneOf", ()), *field.get("allOf", ()), field]
    found = [(choice["$ref"], "") for choice in choices if "$ref" in choice]
    found += [(choice["items"]["$ref"], "[]") for choice in choices if "$ref" in choice.get("items", {})]
    parts = [(root["$defs"][reference.rpartition("/")[2]], ending) for reference, ending in found]
    return [(part, ending) for part, ending in parts if "properties" in part]


def _about(nested: list[tuple[Schema, str]]) -> str:
    return " ".join(str(part.get("description", "")).split("\n\n")[0] for part, _ in nested)


def _type(root: Schema, field: Schema) -> str:
    """Return the type of a field; a reference to an enumeration is resolved."""
    reference = field.get("$ref", "").rpartition("/")[2]
    target = root.get("$defs", {}).get(reference, {})
    return describe_type(target if "enum" in target else field)
