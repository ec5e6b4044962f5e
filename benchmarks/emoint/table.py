"""The table: for each row of the design, means over seeds of the scores, and the gradients of the first epoch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

HEADER = (
    "| LCL unless named | seeds | accuracy after epoch 1 | best accuracy | most predicted class, epoch 1, % "
    "| classes per batch | gradient: CE | contrastive | ratio | kept by clipping, % |"
)

Result = Mapping[str, Any]  # what a training's file holds


def table_lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a Markdown table. Accuracies and shares are in percent."""
    yield HEADER
    yield "|" + "---|" * (HEADER.count("|") - 1)
    for name in dict.fromkeys(result["name"] for result in results):
        yield _row(name, [result for result in results if result["name"] == name])


def _row(name: str, results: Sequence[Result]) -> str:
    trained = [result["epochs"] for result in results if result["epochs"]]
    if not trained:
        return f"| {name} | {len(results)} | diverged |" + " |" * (HEADER.count("|") - 4)
    first = [epochs[0] for epochs in trained]
    best = [max(epoch["validation/accuracy"] for epoch in epochs) for epochs in trained]
    cells = [
        _percent([epoch["validation/accuracy"] for epoch in first]),
        _percent(best),
        _percent([epoch["validation/largest_class"] for epoch in first]),
        _mean(first, "classes_per_batch"),
        *(_mean(first, f"gradient/{part}") for part in ("ce", "contrastive", "ratio")),
        _mean(first, "gradient/kept", 100),
    ]
    return f"| {name} | {len(results)} | {' | '.join(cells)} |"


def _percent(values: Sequence[float]) -> str:
    """Return the mean, and the standard deviation over seeds if there are two."""
    spread = f" ± {100 * np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.1f}{spread}"


def _mean(epochs: Sequence[Mapping[str, float]], name: str, factor: float = 1) -> str:
    values = [factor * epoch[name] for epoch in epochs if name in epoch]
    return f"{np.mean(values):.3g}" if values else ""
