"""The values that a hyperparameter can take in a space, whether it is searched, compared or fixed."""

from sweeper.search_space.document import KeyPath
from sweeper.search_space.domains import Categorical, Domain
from sweeper.search_space.space import SearchSpace
from sweeper.training.config import Scalar, TrainConfig


def domains_of(space: SearchSpace, name: str) -> list[Domain]:
    """Return the domains of all branches of a hyperparameter; for one that does not vary, that of its one value."""
    branches = [branch for other in space.hyperparameters if other.name == name for branch in other.branches]
    fixed: Scalar = space.fixed.get(name, TrainConfig.model_fields[name].default)
    return [branch.domain for branch in branches] or [Categorical((fixed,))]


def largest_value(space: SearchSpace, name: str) -> int:
    """Return the largest value of a whole-number hyperparameter."""
    ends = [domain.values if isinstance(domain, Categorical) else (domain.high,) for domain in domains_of(space, name)]
    return max(int(value) for values in ends for value in values)


def varies(space: SearchSpace, name: str) -> bool:
    """Return True if a hyperparameter may have several values."""
    domains = domains_of(space, name)
    return len(domains) > 1 or not isinstance(domains[0], Categorical) or len(domains[0].values) > 1


def path_of(space: SearchSpace, name: str) -> KeyPath:
    """Return the place of a hyperparameter in a file, or its place under `training` if it has its default."""
    sections = [hyperparameter.section for hyperparameter in space.hyperparameters if hyperparameter.name == name]
    return (sections[0] if sections else "training", name)
