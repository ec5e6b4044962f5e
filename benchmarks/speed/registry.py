"""The rows of the benchmark. To add one, write a file in rows/ and add an entry here; nothing else has to change."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from benchmarks.speed.cases import Case
from benchmarks.speed.session import Session

MakeCases = Callable[[Session], Iterator[Case]]

# Each row's file in rows/, with what it measures. They run in this order.
ROWS: Mapping[str, str] = {
    "throughput": "texts a second of whole training steps",
    "side_by_side": "two trainings of one thread at the same time",
    "accuracy": "test accuracy of the same training",
    "first_step": "from a trial's proposal to its first update, on a warm worker",
    "orchestration": "what a trial costs besides its training",
    "growth": "the same, as the sweep grows",
    "resume": "from the command to the next trial of a long sweep",
    "table": "`sweeper table` over a store of many runs",
    "cold_start": "from the command to the first score",
    "loading": "reading a large file",
    "gpu_search": "trials in an hour of one GPU",
}


def load_row(name: str) -> MakeCases:
    """Return the function that yields the cases of a row."""
    make_cases: MakeCases = import_module(f"benchmarks.speed.rows.{name}").cases
    return make_cases
