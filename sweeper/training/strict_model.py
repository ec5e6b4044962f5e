"""StrictModel, the base of every pydantic model that checks what a user writes, and `one_of` for a registry's names."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, GetPydanticSchema
from pydantic_core import core_schema


class StrictModel(BaseModel):
    """A frozen model that accepts neither unknown keys, nor values of another type, nor infinite numbers."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def one_of(names: Iterable[str], pattern: str = "") -> GetPydanticSchema:
    """Annotate a str field that must be one of `names` or match a `pattern`.

    Unlike those of Literal, the names may be known only at run time.
    """
    listed = core_schema.literal_schema(list(names))
    if not pattern:
        return GetPydanticSchema(lambda _source, _handler: listed)

    def check(value: Any, check_name: core_schema.ValidatorFunctionWrapHandler) -> Any:
        return value if isinstance(value, str) and re.fullmatch(pattern, value) else check_name(value)

    as_text = core_schema.simple_ser_schema("str")
    schema = core_schema.no_info_wrap_validator_function(check, listed, serialization=as_text)
    matching = {"type": "string", "pattern": f"^{pattern}$"}
    return GetPydanticSchema(
        lambda _source, _handler: schema, lambda _schema, handler: {"anyOf": [handler(listed), matching]}
    )
