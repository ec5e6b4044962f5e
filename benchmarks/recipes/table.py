"""The table: the accuracy of each loss, and what each recipe changes, paired by seeds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.recipes.design import COMPARED, PLAIN, RECIPES, recipes_of
from sweeper.protocol.statistics import holm_correction
from sweeper.training.registry import LOSSES

Result = Mapping[str, Any]  # what a training's file holds
Cell = tuple[str, str]  # loss and recipe
LEVEL = 0.05

LEGEND = """
Accuracy on validation at the best epoch, in percent, as the mean over seeds. Below the first row: the change in points
against the same loss by itself, with its 95 % interval (paired t over seeds). Last row: the best recipe of each loss
against the best of CE; choosing it makes this difference somewhat too large. Last column: the mean change over the
losses that the recipe is for, once all have it. Bold: p below .05 after Holm's correction, over the last column or over
all differences by loss. The last row has no test."""
MEAN = "all losses"


def table_lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a Markdown table. A cell that has fewer than two pairs of seeds has no interval."""
    scores = best_scores(results)
    changes = {cell: paired_changes(scores, cell, (cell[0], PLAIN)) for cell in scores if cell[1] != PLAIN}
    means = {(MEAN, recipe): mean_change(scores, recipe) for _, recipe in changes}
    stands = significant_cells(changes) | significant_cells(means)
    changes |= means
    yield _row("", [*(LOSSES[loss].label for loss in COMPARED), MEAN])
    yield "|---|" + "---|" * (len(COMPARED) + 1)
    yield _row(PLAIN, [*(_plain(scores.get((loss, PLAIN), {})) for loss in COMPARED), ""])
    for recipe in RECIPES:
        if recipe != PLAIN:
            cells = [(loss, recipe) for loss in (*COMPARED, MEAN)]
            yield _row(recipe, [_change(changes.get(cell), bold=cell in stands) for cell in cells])
    against_ce = [_change(_against_ce(scores, loss)) for loss in COMPARED]
    yield _row("its best recipe against the best of CE", [*against_ce, ""])
    yield LEGEND


def best_scores(results: Sequence[Result]) -> dict[Cell, dict[int, float]]:
    """Return the accuracy at the best epoch, by loss and recipe, and by seed.

    A training that diverged has that of its epochs before, and 0 without any.
    """
    scores: dict[Cell, dict[int, float]] = {}
    for result in results:
        scores.setdefault((result["loss"], result["recipe"]), {})[result["seed"]] = max(result["scores"], default=0.0)
    return scores


def paired_changes(scores: Mapping[Cell, Mapping[int, float]], cell: Cell, base: Cell) -> NDArray[np.float64]:
    """Return the differences of a cell to another, for the seeds that both have."""
    ours, theirs = scores.get(cell, {}), scores.get(base, {})
    return np.array([ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())])


def mean_change(scores: Mapping[Cell, Mapping[int, float]], recipe: str) -> NDArray[np.float64]:
    """Return the mean over losses of the changes by a recipe, for the seeds that all of its losses have.

    It is empty while a loss that the recipe is for has no such seed: the mean of the others would be another figure.
    """
    losses = [loss for loss in COMPARED if recipe in recipes_of(loss)]
    both = [scores.get((loss, recipe), {}).keys() & scores.get((loss, PLAIN), {}).keys() for loss in losses]
    seeds = set.intersection(*both)
    by_loss = [[scores[loss, recipe][seed] - scores[loss, PLAIN][seed] for seed in sorted(seeds)] for loss in losses]
    return np.asarray(np.mean(by_loss, axis=0), dtype=np.float64)


def significant_cells(changes: Mapping[Cell, NDArray[np.float64]]) -> set[Cell]:
    """Return the cells whose mean change is not 0 by a paired t-test, after Holm's correction over all."""
    tested = {cell: change for cell, change in changes.items() if len(change) > 1 and np.ptp(change) > 0}
    p_values = holm_correction([float(stats.ttest_1samp(change, 0.0).pvalue) for change in tested.values()])
    return {cell for cell, p in zip(tested, p_values, strict=True) if p < LEVEL}


def _against_ce(scores: Mapping[Cell, Mapping[int, float]], loss: str) -> NDArray[np.float64] | None:
    """Return the differences of the best recipe of a loss to the best one of CE; None for CE, or without results."""
    ours, best_of_ce = _best_recipe(scores, loss), _best_recipe(scores, "ce")
    return paired_changes(scores, ours, best_of_ce) if ours and best_of_ce and loss != "ce" else None


def _best_recipe(scores: Mapping[Cell, Mapping[int, float]], loss: str) -> Cell | None:
    cells = [cell for cell in scores if cell[0] == loss]
    return max(cells, key=lambda cell: float(np.mean(list(scores[cell].values()))), default=None)


def _row(head: str, cells: Sequence[str]) -> str:
    return f"| {head} | {' | '.join(cells)} |"


def _plain(scores: Mapping[int, float]) -> str:
    if not scores:
        return ""
    values = 100 * np.array(list(scores.values()))
    spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread} ({len(values)} seeds)"


def _change(change: NDArray[np.float64] | None, *, bold: bool = False) -> str:
    if change is None or not len(change):
        return ""
    points = 100 * change
    text = f"{points.mean():+.1f}"
    if len(points) > 1:
        half = float(stats.t.ppf(0.975, len(points) - 1) * stats.sem(points))
        text += f" ({points.mean() - half:+.1f} to {points.mean() + half:+.1f})"
    return f"**{text}**" if bold else text
