"""The sections of a search space file that set neither data nor hyperparameters: resources and the like."""

from typing import Annotated

from pydantic import field_validator
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
        float, yaml_key("GPUs of one trial; with a fraction, several trials share one GPU.", "GPUs", ge=0)
    ] = 0
    cpu: Annotated[int, yaml_key("CPU cores of one trial.", "cores", ge=1)] = 1
    accelerator: Annotated[str | None, yaml_key("Type of GPU, such as A100.", pattern=r"^[A-Za-z0-9][\w.-]*$")] = None

    @field_validator("gpu")
    @classmethod
    def _check_gpu(cls, gpu: float) -> float:
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
