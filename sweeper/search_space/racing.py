"""The race of a search: the last trials of each system train its best settings with further seeds."""

from typing import Annotated, Any

from pydantic import model_validator

from sweeper.search_space.yaml_key import yaml_key
from sweeper.training.strict_model import StrictModel
from sweeper.wording import count_noun


class RacingSettings(StrictModel):
    """Settings of the race. After each round, the better half of the settings goes on, until one is left."""

    settings: Annotated[
        int, yaml_key("Settings of each system in the first round; each round keeps half of them.", "settings", ge=2)
    ] = 4
    seeds: Annotated[int, yaml_key("Further seeds of each setting in each round.", "seeds", ge=1)] = 1

    @model_validator(mode="before")
    @classmethod
    def _expand_number(cls, value: Any) -> Any:
        """Turn the short form `racing: 4` into `racing: {settings: 4}`."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return {"settings": value} if is_number else value

    @property
    def rounds(self) -> tuple[int, ...]:
        """The settings in each round: (4, 2) for four settings, (5, 3, 2) for five."""
        sizes = [self.settings]
        while sizes[-1] > 2:
            sizes.append((sizes[-1] + 1) // 2)
        return tuple(sizes)

    @property
    def num_trials(self) -> int:
        """The trials of each system that race."""
        return self.seeds * sum(self.rounds)

    def describe(self) -> str:
        """Return the race in words: `the last 6 trials of each system race its 4 best settings`."""
        return f"the last {self.num_trials} trials of each system race its {self.settings} best settings"

    def describe_rounds(self) -> str:
        """Return the rounds in words: `4, then 2 settings, with 1 further seed each, trained to the end`."""
        seeds = count_noun(self.seeds, "further seed")
        return f"{', then '.join(map(str, self.rounds))} settings, with {seeds} each, trained to the end"
