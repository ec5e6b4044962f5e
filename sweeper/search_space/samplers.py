"""The samplers that a search space can name: one entry each in SAMPLERS. Add a sampler here.

Every message, schema and report is made from the entries. This is data only: it names Optuna's classes but does not
import Optuna. record/samplers.py builds them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SamplerEntry:
    """A way to choose the next setting.

    `label` names it in a sentence, `description` explains it in one. `optuna_class` is the class in optuna.samplers,
    called with `options` and a seed. If `is_exhaustive`, each setting of the space is planned once; if
    `is_quasi_random`, each trial has a point of a quasi-random design. The class only fills in what they leave open.
    If `takes_tpe_settings`, the key `tpe` and priors are for it.
    """

    label: str
    description: str
    optuna_class: str
    options: Mapping[str, object] = field(default_factory=dict)
    is_exhaustive: bool = False
    is_quasi_random: bool = False
    takes_tpe_settings: bool = False


SAMPLERS: Mapping[str, SamplerEntry] = {
    "tpe": SamplerEntry(
        label="Optuna's TPE",
        description="Models which values the good trials have and proposes more like them.",
        optuna_class="TPESampler",
        options={"multivariate": True, "group": True, "constant_liar": True},
        takes_tpe_settings=True,
    ),
    "random": SamplerEntry(
        label="chance",
        description="Draws every value at random.",
        optuna_class="RandomSampler",
    ),
    "grid": SamplerEntry(
        label="a grid",
        description="Tries every combination of the listed values once. A smaller budget tries some from all over it.",
        optuna_class="RandomSampler",
        is_exhaustive=True,
    ),
    "cmaes": SamplerEntry(
        label="Optuna's CMA-ES",
        description="Moves a normal distribution over the numeric ranges to the best completed trials; draws the rest.",
        optuna_class="CmaEsSampler",
        options={"warn_independent_sampling": False},  # lists and conditional ranges are drawn at random, as described
    ),
    "gp": SamplerEntry(
        label="Optuna's Gaussian process",
        description="Models the scores of completed trials; proposes what may be best, and draws conditional ranges.",
        optuna_class="GPSampler",
        options={"warn_independent_sampling": False},  # conditional ranges are drawn at random, as described
    ),
    "qmc": SamplerEntry(
        label="a scrambled Sobol sequence",
        description="Spreads the settings evenly over the space, conditional ranges included.",
        optuna_class="RandomSampler",
        is_quasi_random=True,
    ),
}
DEFAULT_SAMPLER = "tpe"
