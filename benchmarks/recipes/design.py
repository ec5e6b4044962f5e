"""The trainings of the benchmark: every loss by itself, with each recipe, and with several of them together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.papers import LENGTH, MINILM
from benchmarks.result_files import file_key
from sweeper.training.registry import LOSSES

PLAIN = "by itself"
COMPARED = ("ce", "scl", "lcl", "prototypes")

# Each recipe by its name in the table: the hyperparameters that differ from the plain training. Add a recipe here.
RECIPES: Mapping[str, Mapping[str, Any]] = {
    PLAIN: {},
    "`warmup: 0.1`": {"warmup": 0.1},
    "`layer_decay: 0.9`": {"layer_decay": 0.9},
    "`texts_per_class: 2`": {"texts_per_class": 2},
    "`memory: 256`": {"memory": 256},
    "`consistency: 1`": {"consistency": 1.0},
    "`average: ema`": {"average": "ema"},
    "`average: soup`": {"average": "soup"},
    "the first three together": {"warmup": 0.1, "layer_decay": 0.9, "texts_per_class": 2},
}


@dataclass(frozen=True)
class Job:
    """One training on some texts of a data set: its loss, the name of its recipe, and its hyperparameters."""

    dataset: str
    rows: int
    loss: str
    recipe: str
    hyperparameters: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The loss and the recipe."""
        return f"{self.loss}, {self.recipe}"

    @property
    def seed(self) -> int:
        """The seed, by which trainings are paired."""
        return int(self.hyperparameters["seed"])

    @property
    def key(self) -> str:
        """A name for its file, which differs if the data, their rows or a hyperparameter differ, not the machine."""
        return file_key([self.dataset, self.rows, dict(self.hyperparameters)])


def make_jobs(dataset: str, rows: int, seeds: int, changes: Mapping[str, Any]) -> list[Job]:
    """Return all trainings: every loss and recipe with the first seed, then with the second, and so on.

    `changes` replace hyperparameters of all of them.
    """
    fixed = {"encoder": MINILM, "pooling": "mean", "max_length": LENGTH, "weighting": "shared", **changes}
    return [
        Job(dataset, rows, loss, recipe, {**fixed, "loss": loss, **RECIPES[recipe], "seed": seed})
        for seed in range(seeds)
        for loss in COMPARED
        for recipe in RECIPES
        if recipe in recipes_of(loss)
    ]


def recipes_of(loss: str) -> list[str]:
    """Return the recipes for a loss: all but a memory of features for one that compares none."""
    compares = LOSSES[loss].contrastive_term is not None
    return [recipe for recipe, changes in RECIPES.items() if compares or "memory" not in changes]
