"""Search spaces for tests, as plain values."""

from typing import Any

from sweeper import reading
from sweeper.document import SourceDocument
from sweeper.spec import SweepSpec

SMALL: dict[str, Any] = {
    "dataset": "sst5",
    "compare": {"encoder": ["m"], "loss": ["ce", "lcl"]},
    "search": {
        "batch_size": [4, 8],
        "alpha": {"uniform": [0.1, 0.9]},
        "normalize": [True, False],
        "tau": {
            "cases": [
                {"log": [0.05, 1], "when": {"normalize": True}},
                {"log": [5, 1000], "when": {"normalize": False}},
            ]
        },
    },
    "training": {"epochs": 4},
    "asha": {"grace_epochs": 1, "reduction_factor": 2},
    "budget": {"trials": 6},
    "confirm": {"seeds": 0},
}


def small(**changes: Any) -> SweepSpec:
    """A spec of two cells and six trials, with these keys replaced."""
    return reading.parse_spec(SourceDocument("small.yaml", {**SMALL, **changes}))
