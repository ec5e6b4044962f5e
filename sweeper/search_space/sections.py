"""The sections of a search space file that set neither data nor hyperparameters: resources and the like."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from sweeper.search_space.yaml_key import yaml_key
from sweeper.training.strict_model import StrictModel


class Confirm(StrictModel):
    """The confirmation: the best settings of each system are trained again with fresh seeds."""

    seeds: Annotated[int, yaml_key("Fresh seeds for each setting; 0 turns confirmation off.", "seeds", ge=0)] = 5
    top: Annotated[int, yaml_key("Best settings of each system that are confirmed.", "settings", ge=1)] = 1


class Resources(StrictModel):
    """The share of a machine that one trial gets."""

    gpu: Annotated[
        Annotated[float, Field(ge=0)] | Literal["auto"],
        yaml_key(
            "GPUs of one trial; with a fraction, several trials share one GPU. auto measures the memory that each kind "
            "of training needs, before the first trial, and gives it that fraction.",
            "GPUs",
        ),
    ] = 0.0
    cpu: Annotated[int, yaml_key("CPU cores of one trial.", "cores", ge=1)] = 1
    accelerator: Annotated[str | None, yaml_key("Type of GPU, such as A100.", pattern=r"^[A-Za-z0-9][\w.-]*$")] = None

    @property
    def shares_gpus(self) -> bool:
        """True if each trial gets the fraction of a GPU whose memory it needs."""
        return self.gpu == "auto"

    @property
    def most_gpus(self) -> float:
        """The GPUs that one trial gets at most."""
        return 1.0 if self.gpu == "auto" else self.gpu

    @field_validator("gpu", mode="before")
    @classmethod
    def _check_gpu(cls, gpu: Any) -> Any:
        if gpu == "auto":
            return gpu
        if isinstance(gpu, bool) or not isinstance(gpu, int | float) or not math.isfinite(gpu):
            raise PydanticCustomError("gpu", "Input should be a number, or auto")
        if gpu < 0:
            raise PydanticCustomError("gpu", "Input should be greater than or equal to 0")
        if gpu > 1 and gpu != int(gpu):
            raise PydanticCustomError("gpu", "Input should be a fraction of one GPU or a whole number of them")
        return gpu


class Tracking(StrictModel):
    """The metrics that MLflow gets besides those of the training."""

    system_metrics: Annotated[bool, yaml_key("Log what each epoch used of the machine: CPU, memory, GPU.")] = False


class Subsample(StrictModel):
    """A part of the data, stratified by class: for a quick try, not for a result."""

    train: Annotated[int | None, yaml_key("Rows of the training split to use.", "rows", ge=1)] = None
    validation: Annotated[int | None, yaml_key("Rows of the validation split to use.", "rows", ge=1)] = None
