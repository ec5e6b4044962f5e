"""The budget of a search: the limits of which the first that is reached ends it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import model_validator

from sweeper.search_space.yaml_key import yaml_key
from sweeper.training.strict_model import StrictModel


class Cost(StrictModel):
    """A limit in money, and the price that turns GPU hours into money."""

    usd: Annotated[float, yaml_key("Cost of the search, in US dollars.", "USD", gt=0)]
    per_gpu_hour: Annotated[float, yaml_key("Price of one GPU for one hour.", "USD", gt=0)]


class Patience(StrictModel):
    """The rule that ends a search whose further trials no longer gain more than the seed noise."""

    trials: Annotated[
        int, yaml_key("Last trials of each system over which its best value has to improve.", "trials", ge=1)
    ]
    noise: Annotated[
        float | None,
        yaml_key(
            "Rise that counts as none, in units of the objective. By default the standard deviation between trials "
            "of the same setting; 0 while no setting has run twice.",
            ge=0,
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _expand_number(cls, value: Any) -> Any:
        """Turn the short form `patience: 8` into `patience: {trials: 8}`."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return {"trials": value} if is_number else value


class Budget(StrictModel):
    """The end of the search: the first of these limits that is reached, over all commands that ran the sweep."""

    trials: Annotated[int, yaml_key("Trials of the search, shared equally by the systems.", "trials", ge=1)] = 20
    epochs: Annotated[int | None, yaml_key("Epochs of all trials of the search together.", "epochs", ge=1)] = None
    hours: Annotated[
        float | None,
        yaml_key(
            "Hours of the commands that searched, download and preparation included, pauses between them not.",
            "hours",
            gt=0,
        ),
    ] = None
    gpu_hours: Annotated[
        float | None,
        yaml_key("Hours of training and validation of all trials, times the GPUs of a trial.", "GPU hours", gt=0),
    ] = None
    cost: Annotated[Cost | None, yaml_key("The same GPU hours in money: usd, and the price per_gpu_hour.")] = None
    patience: Annotated[
        Patience | None,
        yaml_key(
            "End the search once no system's best value improved by more than the seed noise in its last trials. "
            "A number N is short for {trials: N}."
        ),
    ] = None

    @property
    def gpu_hours_limit(self) -> float | None:
        """The GPU hours that `gpu_hours` and `cost` allow, whichever is less; None without either."""
        bought = None if self.cost is None else self.cost.usd / self.cost.per_gpu_hour
        return min((limit for limit in (self.gpu_hours, bought) if limit is not None), default=None)

    def describe_limits(self) -> list[str]:
        """Return every limit but the trials in words: `24 hours`, `40 epochs`."""
        amounts: Mapping[str, float | None] = {
            "epochs": self.epochs,
            "hours": self.hours,
            "GPU hours": self.gpu_hours,
            "USD": None if self.cost is None else self.cost.usd,
        }
        return [f"{amount:g} {unit}" for unit, amount in amounts.items() if amount is not None]
