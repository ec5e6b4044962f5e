"""A small search space for tests, as plain values."""

from typing import Any

from sweeper.search_space import parser
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.sweep_spec import SweepSpec

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


def small_spec(**changes: Any) -> SweepSpec:
    """Return a spec of two systems and six trials, with these keys replaced; `early_stopping` replaces `asha`."""
    others = {key: value for key, value in SMALL.items() if key != "asha" or "early_stopping" not in changes}
    return parser.parse_spec(SourceDocument("small.yaml", {**others, **changes}))
