"""One data set to search: its space, the curves of its trials, and the true values that a search is measured by."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.economy.record import SPACE
from benchmarks.economy.settings import LOSSES, Setting, spread_settings
from benchmarks.economy.surrogate import Surrogate, read_records
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.yaml_file import load_yaml
from sweeper.trials.borrowed import BorrowedTrials


class Problem:
    """A data set as its recorded rows have it."""

    def __init__(
        self,
        dataset: str,
        rows: pd.DataFrame,
        *,
        nearest: bool = False,
        candidates: int = 1024,
        earlier: Sequence[BorrowedTrials] = (),
    ) -> None:
        """With `nearest`, trials have the curve of the nearest recorded setting.

        The typical setting of a system is the median one among its recorded ones and `candidates` quasi-random ones.
        `earlier` are sweeps of other data sets, for the searches that learn from some.
        """
        self.dataset, self.candidates, self.earlier = dataset, candidates, earlier
        self.surrogate = Surrogate(read_records(rows), nearest=nearest)
        self.seconds = rows.groupby(["loss", "batch_size"])["seconds"].median().to_dict()

    def spec(self, overrides: Sequence[str]) -> SweepSpec:
        """Return the search space of the records with keys replaced, as in `sampler=tpe`.

        Its data set is the one in space.yaml, because no data is read and no seed depends on it.
        """
        return parse_spec(load_yaml(SPACE, overrides))

    def prepare(self) -> None:
        """Compute the values of the best and the typical settings, which takes a while."""
        _ = self.best_recorded, self.typical

    @property
    def num_steps(self) -> int:
        """The number of validations of a whole training."""
        return self.surrogate.num_steps

    def curve(self, setting: Setting, seed: int) -> NDArray[np.float64]:
        """Return the accuracies of one training with this seed, (T,)."""
        curves = self.surrogate.possible_curves(setting)
        return np.asarray(curves[seed % len(curves)], dtype=np.float64)

    def step_seconds(self, setting: Setting) -> float:
        """Return the seconds of training up to the next validation, the validation included."""
        return float(self.seconds[setting["loss"], setting["batch_size"]])

    def true_value(self, setting: Setting) -> float:
        """Return the mean over seeds of a training's best validation."""
        return float(self.surrogate.true_values([setting])[0])

    @cached_property
    def best_recorded(self) -> dict[str, float]:
        """The true value of the best recorded setting of each system, by loss.

        A search may find a better one. Settings that were not recorded do not count, because the largest value among
        many of them is mostly an error of the surrogate.
        """
        recorded = self.surrogate.records.settings
        values = [*zip(recorded, self.surrogate.true_values(recorded), strict=True)]
        return {loss: max(float(value) for setting, value in values if setting["loss"] == loss) for loss in LOSSES}

    @cached_property
    def typical(self) -> dict[str, float]:
        """The median of the true values of each system: what a search has that never tried the system."""
        spec, recorded, medians = self.spec(()), self.surrogate.records.settings, {}
        for system, params in enumerate(spec.systems):
            settings = [*spread_settings(spec, system, self.candidates)]
            settings += [dict(setting) for setting in recorded if setting["loss"] == params["loss"]]
            medians[str(params["loss"])] = float(np.median(self.surrogate.true_values(settings)))
        return medians
