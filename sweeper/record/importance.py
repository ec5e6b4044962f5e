"""The importance of each hyperparameter, by Optuna's PED-ANOVA, and the importance that chance alone gives.

PED-ANOVA compares the values of the best trials with the values of all trials (Watanabe et al., "PED-ANOVA: Efficiently
Quantifying Hyperparameter Importance in Arbitrary Subspaces", IJCAI 2023). It accepts hyperparameters that are not
always active. With few trials its result is mostly noise: among 16 trials with random scores, one hyperparameter gets
half of the importance. So the evaluation is repeated 19 times with the scores permuted. A hyperparameter without
influence exceeds the largest of these 19 results with a probability of 1 in 20.
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from numpy.typing import NDArray

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.record.parameters import to_distribution
from sweeper.search_space.domains import Domain
from sweeper.training.config import Scalar

MIN_TRIALS = 12  # with fewer, the hyperparameter that decides is found in at most half of the cases
_BEST = 1 / 3  # share of the trials that count as the best
_PERMUTATIONS = 19

EvaluatedSetting = Mapping[str, tuple[Domain, Scalar]]  # hyperparameter -> its domain and its value


def importances(trials: Sequence[tuple[EvaluatedSetting, float]]) -> list[Importance]:
    """Return the importance of each hyperparameter, the most important first.

    `trials` are settings with their scores; more is better. The shares add up to 1; `chance` is the largest share of
    the permutations. Returns an empty list for fewer than MIN_TRIALS trials, and if every importance is zero.
    """
    if len(trials) < MIN_TRIALS:
        return []
    study, scores = _build_study([setting for setting, _ in trials]), np.array([score for _, score in trials])
    values = _evaluate(study, scores)
    random, total = np.random.default_rng(0), sum(values.values())
    if not total:
        return []
    permuted = [_evaluate(study, random.permutation(scores)) for _ in range(_PERMUTATIONS)]
    names = sorted(values, key=lambda name: -values[name])
    return [
        Importance(name, values[name] / total, max(other.get(name, 0.0) for other in permuted) / total)
        for name in names
    ]


def _build_study(settings: Sequence[EvaluatedSetting]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    for setting in settings:
        distributions = {name: to_distribution(domain) for name, (domain, _) in setting.items()}
        values = {name: value for name, (_, value) in setting.items()}
        study.add_trial(optuna.trial.create_trial(params=values, distributions=distributions, value=0.0))
    return study


def _evaluate(study: optuna.Study, scores: NDArray[np.float64]) -> dict[str, float]:
    """Return the importances for these scores of the study's trials. For PED-ANOVA, less is better."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances  # takes as long as torch

    evaluator = PedAnovaImportanceEvaluator(target_quantile=_BEST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about few trials in a case, and about experimental features
        return get_param_importances(
            study, evaluator=evaluator, target=lambda trial: -float(scores[trial.number]), normalize=False
        )
