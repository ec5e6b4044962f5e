"""StrictModel, the base of every pydantic model that checks what a user writes, and `one_of` for a registry's names."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, GetPydanticSchema
from pydantic_core import core_schema


class StrictModel(BaseModel):
    """A frozen model that accepts neither unknown keys, nor values of another type, nor infinite numbers."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def one_of(names: Iterable[str]) -> GetPydanticSchema:
    """Annotate a str field that must be one of `names`. Unlike those of Literal, they may be known only at run time."""
    schema = core_schema.literal_schema(list(names))
    return GetPydanticSchema(lambda _source, _handler: schema)
