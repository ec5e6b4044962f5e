"""The hyperparameters that a search space file means: the space, and the longest and largest of its trials."""

from functools import cached_property

from sweeper.search_space.hyperparameter_syntax import HyperparameterSyntaxError, parse_hyperparameter
from sweeper.search_space.schema import SearchSpaceFile
from sweeper.search_space.space import Hyperparameter, SearchSpace
from sweeper.search_space.space_values import largest_value
from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.registry import LOSSES


class SpecHyperparameters(SearchSpaceFile):
    """A search space file with its hyperparameters. `space` is what compare, search and training mean."""

    @cached_property
    def space(self) -> SearchSpace:
        """The hyperparameters of the file. Raises HyperparameterSyntaxError if one is not written correctly."""
        written = {"compare": self.compare, "search": self.search}
        hyperparameters: list[Hyperparameter] = []
        for section, values in written.items():
            for name, value in values.items():
                try:
                    hyperparameters.append(parse_hyperparameter(name, section, value))
                except HyperparameterSyntaxError as error:
                    error.path = (section, name, *error.path)
                    raise
        return SearchSpace(tuple(hyperparameters), self.training)

    @property
    def validations_per_epoch(self) -> int:
        """The number of reports that a trial sends in each epoch."""
        default = TrainConfig.model_fields["validations_per_epoch"].default
        return int(self.training.get("validations_per_epoch", default))

    @property
    def max_epochs(self) -> int:
        """The epochs of the longest trial that the space allows, in all its phases."""
        has_two_phases = any(LOSSES[str(loss)].has_two_phases for loss in self.values_of("loss"))
        return largest_value(self.space, "epochs") + (
            largest_value(self.space, "contrastive_epochs") if has_two_phases else 0
        )

    @property
    def max_tokens(self) -> int:
        """The largest max_length that the space allows, in tokens."""
        return largest_value(self.space, "max_length")

    @property
    def max_words(self) -> int:
        """The largest vocabulary that the space allows, in words."""
        return largest_value(self.space, "vocabulary")

    def values_of(self, name: str) -> tuple[Scalar, ...]:
        """Return every listed value of a hyperparameter in the file's order. If it does not vary, return its value."""
        branches = (branch for other in self.space.hyperparameters if other.name == name for branch in other.branches)
        listed = [value for branch in branches for value in branch.domain.enumerate_values() or ()]
        return tuple(listed) or (self.training.get(name, TrainConfig.model_fields[name].default),)

    @property
    def encoders(self) -> tuple[str, ...]:
        """Every encoder of the space, in the file's order."""
        return tuple(str(value) for value in self.values_of("encoder"))
