"""optuna.importance: which knobs made trials good, and how much of that chance makes too.

PED-ANOVA compares the values of the best trials with those of all (Watanabe et al., "PED-ANOVA: Efficiently Quantifying
Hyperparameter Importance in Arbitrary Subspaces", IJCAI 2023; it takes knobs that do not always apply). The shares of a
few trials are mostly noise: of 16 trials whose scores were drawn at random, one knob gets half of the importance. So
the same is asked of scores that were dealt out anew, 19 times: a knob that has more than the largest of those has it by
chance once in 20 times.
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.search_space.domains import Categorical, Domain, Float
from sweeper.training.config import Scalar

MIN_TRIALS = 12  # trials; with fewer, the knob that decides is found no more often than not
_BEST = 1 / 3  # share of the trials that count as the best
_DEALS = 19

EvaluatedSetting = Mapping[str, tuple[Domain, Scalar]]


def importances(trials: Sequence[tuple[EvaluatedSetting, float]]) -> list[Importance]:
    """The knobs by importance: shares of 1, and what chance gave at most. None for fewer trials than FEWEST.

    A trial is its values, each with what it was drawn from, and its score: more is better.
    """
    if len(trials) < MIN_TRIALS:
        return []
    study, scores = _study([setting for setting, _ in trials]), np.array([score for _, score in trials])
    found = _evaluated(study, scores)
    random, total = np.random.default_rng(0), sum(found.values())
    if not total:
        return []
    dealt = [_evaluated(study, random.permutation(scores)) for _ in range(_DEALS)]
    ranked = sorted(found, key=lambda hyperparameter: -found[hyperparameter])
    return [
        Importance(
            hyperparameter, found[hyperparameter] / total, max(one.get(hyperparameter, 0.0) for one in dealt) / total
        )
        for hyperparameter in ranked
    ]


def _study(settings: Sequence[EvaluatedSetting]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    for setting in settings:
        distributions = {name: _distribution(domain) for name, (domain, _) in setting.items()}
        values = {name: value for name, (_, value) in setting.items()}
        study.add_trial(optuna.trial.create_trial(params=values, distributions=distributions, value=0.0))
    return study


def _evaluated(study: optuna.Study, scores: NDArray[np.float64]) -> dict[str, float]:
    """The importances for these scores of the study's trials. PED-ANOVA takes less as better."""
    evaluator = PedAnovaImportanceEvaluator(target_quantile=_BEST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few trials in a case, and of what is experimental
        return get_param_importances(
            study, evaluator=evaluator, target=lambda trial: -float(scores[trial.number]), normalize=False
        )


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Categorical):
        return CategoricalDistribution(domain.values)
    if isinstance(domain, Float):
        return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
    return IntDistribution(domain.low, domain.high, step=domain.step)
