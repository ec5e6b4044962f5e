"""The declaration of one YAML key in a pydantic model: what it means, its unit and its bounds."""

from typing import Any

from pydantic import Field


def yaml_key(description: str, unit: str = "", **constraints: Any) -> Any:
    """Return the pydantic field of a YAML key, for use in Annotated.

    `unit` is empty for names, booleans and sections. `constraints` are those of pydantic's Field, such as ge=1. The
    reference in docs/ is made from the descriptions and units.
    """
    return Field(description=description, json_schema_extra={"unit": unit}, **constraints)
