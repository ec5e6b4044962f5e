"""The quasi-random design of a search: points that cover the space more evenly than points drawn at random.

The points are those of scipy's scrambled Sobol sequence. Optuna's QMCSampler would not do: it draws conditional
hyperparameters at random, and after a crash it leaves out the point that it had proposed last.
"""

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar


def quasi_random_values(spec: SweepSpec, system: int, index: int) -> dict[str, Scalar]:
    """Return the values of point `index` (from 0) of a system's design, by parameter.

    Each parameter of the space has its own coordinate, also one that is inactive at this point, so that a value of one
    hyperparameter does not depend on which others apply. The point follows from the arguments alone.
    """
    from scipy.stats.qmc import Sobol  # slow to import

    branches = [branch for other in spec.space.searched_hyperparameters() for branch in other.branches]
    if not branches:
        return {}
    sequence = Sobol(len(branches), scramble=True, seed=spec.derive_seed("quasi-random", spec.system_name(system)))
    if index:
        sequence.fast_forward(index)
    point = sequence.random(1)[0].tolist()
    return {branch.parameter: branch.domain.value_at(u) for branch, u in zip(branches, point, strict=True)}
