"""The quasi-random designs of a search: points that cover the space more evenly than points drawn at random.

The points are those of scipy's scrambled Sobol sequence. Optuna's QMCSampler would not do: it draws conditional
hyperparameters at random, and after a crash it leaves out the point that it had proposed last.
"""

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar


def quasi_random_values(spec: SweepSpec, system: int, index: int) -> dict[str, Scalar]:
    """Return the values of point `index` (from 0) of a system's own design, by parameter.

    Each parameter of the space has its own coordinate, also one that is inactive at this point, so that a value of one
    hyperparameter does not depend on which others apply. The point follows from the arguments alone.
    """
    return _sobol_values(spec, spec.derive_seed("quasi-random", spec.system_name(system)), index)


def shared_design_values(spec: SweepSpec, system: int, index: int, block: int) -> dict[str, Scalar]:
    """Return the values of point `index` (from 0) that a system has in one design over all systems, by parameter.

    The systems take turns by blocks of the sequence. A block has at least `block` points, and as many as a power of
    two. So the first points of a system are even by themselves, and together with those of the other systems.
    """
    size = 1 << (block - 1).bit_length()
    turn, place = divmod(index, size)
    return _sobol_values(spec, spec.derive_seed("shared design"), (turn * len(spec.systems) + system) * size + place)


def _sobol_values(spec: SweepSpec, seed: int, index: int) -> dict[str, Scalar]:
    from scipy.stats.qmc import Sobol  # slow to import

    branches = [branch for other in spec.space.searched_hyperparameters() for branch in other.branches]
    if not branches:
        return {}
    sequence = Sobol(len(branches), scramble=True, seed=seed)
    if index:
        sequence.fast_forward(index)
    point = sequence.random(1)[0].tolist()
    return {branch.parameter: branch.domain.value_at(u) for branch, u in zip(branches, point, strict=True)}
