"""Rows of recorded curves that nobody trained: a smooth function of the setting, with noise over seeds."""

import numpy as np
import pandas as pd

from benchmarks.economy.rows import SETTING
from benchmarks.economy.settings import LOSSES, encode, spread_settings
from sweeper.search_space.sweep_spec import SweepSpec

LEADS = {"ce": 0.0, "scl": 0.02, "lcl": 0.05}


def fake_rows(spec: SweepSpec, settings: int = 16, seeds: int = 2, noise: float = 0.01) -> pd.DataFrame:
    """Return the rows of this many settings of each system. The best learning rate is in the middle of its range."""
    random, rows = np.random.default_rng(0), []
    for system, loss in enumerate(LOSSES):
        for index, setting in enumerate(spread_settings(spec, system, settings)):
            rate, size = encode([setting])[0, 3:5]
            top = 0.5 + LEADS[loss] - 0.6 * (rate - 0.5) ** 2 - 0.05 * size
            for seed in range(seeds):
                shift = noise * random.standard_normal()
                for step in range(1, 7):
                    accuracy = top - 0.2 * np.exp(-step / (1 + rate)) + shift + 0.3 * noise * random.standard_normal()
                    rows.append({
                        "sweep_seed": seed, "seed": 10 * (3 * index + system) + seed, "trial": 3 * index + system + 1,
                        **{name: setting.get(name) for name in SETTING}, "step": step,
                        "validation/accuracy": accuracy, "seconds": 10.0 / setting["batch_size"],
                    })  # fmt: skip
    return pd.DataFrame(rows)
