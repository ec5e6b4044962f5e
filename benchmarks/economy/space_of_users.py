"""The recorded search space as users write it for Optuna and Ray Tune, with the system as one more choice."""

from collections.abc import Mapping
from typing import Any

import optuna

from benchmarks.economy.settings import LOSSES, Setting

BATCH_SIZES, RATES, ALPHAS = (8, 16, 32), (1e-5, 5e-4), (0.05, 0.9)
TAU_COSINE, TAU_RAW = (0.05, 1.0), (5.0, 1000.0)


def suggest_setting(trial: optuna.trial.Trial) -> Setting:
    """Ask Optuna for a setting, define-by-run: a hyperparameter that does not apply is not asked for."""
    setting: dict[str, Any] = {
        "loss": trial.suggest_categorical("loss", LOSSES),
        "batch_size": trial.suggest_categorical("batch_size", BATCH_SIZES),
        "learning_rate": trial.suggest_float("learning_rate", *RATES, log=True),
    }
    if setting["loss"] != "ce":
        setting["alpha"] = trial.suggest_float("alpha", *ALPHAS)
        setting["normalize"] = trial.suggest_categorical("normalize", (True, False))
        name, limits = ("tau_cosine", TAU_COSINE) if setting["normalize"] else ("tau_raw", TAU_RAW)
        setting["tau"] = trial.suggest_float(name, *limits, log=True)
    return setting


def tune_space() -> dict[str, Any]:
    """Return the space as a dictionary of Ray Tune, in which every hyperparameter is always drawn."""
    from ray import tune

    return {
        "loss": tune.choice(LOSSES),
        "batch_size": tune.choice(BATCH_SIZES),
        "learning_rate": tune.loguniform(*RATES),
        "alpha": tune.uniform(*ALPHAS),
        "normalize": tune.choice((True, False)),
        "tau_cosine": tune.loguniform(*TAU_COSINE),
        "tau_raw": tune.loguniform(*TAU_RAW),
    }


def used_setting(config: Mapping[str, Any]) -> Setting:
    """Return the part of a configuration of Ray Tune that its training uses."""
    setting = {name: config[name] for name in ("loss", "batch_size", "learning_rate")}
    if setting["loss"] == "ce":
        return setting
    tau = config["tau_cosine" if config["normalize"] else "tau_raw"]
    return {**setting, "alpha": config["alpha"], "normalize": config["normalize"], "tau": tau}
