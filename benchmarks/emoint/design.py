"""The trainings of the benchmark: a full design of four suspects, and what is compared with it.

The base is LCL with the second paper's best values: raw features, tau 10, alpha .2. Its learning rate is not named.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.papers import LENGTH, MINILM
from benchmarks.result_files import file_key

Order = Literal["shuffled", "file"]

RATE, HIGH_RATE = 2e-5, 1e-4
NO_CLIPPING = 1e9
FEATURES: Mapping[str, Mapping[str, Any]] = {
    "raw": {"normalize": False, "tau": 10.0},
    "cosine": {"normalize": True, "tau": 0.3},
}


@dataclass(frozen=True)
class Job:
    """One training: the `name` of its row, its hyperparameters, the order of its texts, and its training texts.

    Without `rows`, it has all texts.
    """

    name: str
    order: Order
    hyperparameters: Mapping[str, Any]
    rows: int | None

    @property
    def key(self) -> str:
        """A name for its file, which differs if the order, a hyperparameter or the rows differ, not the machine."""
        return file_key([self.order, dict(self.hyperparameters), self.rows])


def make_jobs(seeds: int, epochs: int, rows: int | None) -> list[Job]:
    """Return all trainings: every row with the first seed, then with the second, and so on."""
    fixed = {"encoder": MINILM, "pooling": "mean", "max_length": LENGTH, "warmup": 0.1, "epochs": epochs}
    return [
        Job(name, order, {**fixed, **hyperparameters, "seed": seed}, rows)
        for seed in range(seeds)
        for name, order, hyperparameters in _cells()
    ]


def _cells() -> Iterator[tuple[str, Order, dict[str, Any]]]:
    """Yield the name, the order of texts and the hyperparameters of each row of the table."""
    for rate in (RATE, HIGH_RATE):
        yield f"CE, learning rate {rate:g}", "shuffled", {"loss": "ce", "learning_rate": rate, "batch_size": 32}
    orders: tuple[Order, ...] = ("shuffled", "file")
    for reduction, features, order, size in itertools.product(("sum", "mean"), FEATURES, orders, (32, 8)):
        texts = "shuffled" if order == "shuffled" else "file order"
        yield (
            f"{reduction}, {features}, {texts}, batch {size}",
            order,
            _lcl(features, reduction=reduction, batch_size=size),
        )
    for size in (32, 8):
        changes = {"reduction": "sum", "batch_size": size, "clip_norm": NO_CLIPPING}
        yield f"sum, raw, shuffled, batch {size}, no clipping", "shuffled", _lcl("raw", **changes)
    for features in FEATURES:
        yield (
            f"mean, {features}, shuffled, batch 32, learning rate {HIGH_RATE:g}",
            "shuffled",
            _lcl(features, learning_rate=HIGH_RATE),
        )
    first_paper = {"alpha": 0.5, "batch_size": 10, "views": 2, "classifier": "mlp", "learning_rate": HIGH_RATE}
    yield f"the first paper's, learning rate {HIGH_RATE:g}", "shuffled", _lcl("cosine", **first_paper)


def _lcl(features: str, **changes: Any) -> dict[str, Any]:
    base = {"loss": "lcl", "weighting": "shared", "alpha": 0.2, "batch_size": 32, "learning_rate": RATE}
    return {**base, **FEATURES[features], **changes}
