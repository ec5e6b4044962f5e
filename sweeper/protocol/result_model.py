"""The base of all models of results."""

from pydantic import BaseModel, ConfigDict


class ResultModel(BaseModel):
    """A part of the results. Unknown keys are ignored."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, ser_json_inf_nan="constants")
