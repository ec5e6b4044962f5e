"""The settings of one run of the benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
OFFLINE_DATA = "feelings"  # ships with sweeper; used if the default data set cannot be fetched
GROUP = 50  # batches that both trainers sort by length together: a multiple of it is a fair sample of the texts
RATE, DECAY = 5e-5, 0.01  # of every trainer


@dataclass(frozen=True)
class Settings:
    """Seeds, data and sizes. Every arm of a row gets the same ones.

    `data` is the name of a data set, or the path of a search space that describes one. Sizes: training steps of a
    measurement, epochs of the accuracy, trials of the growth and the resume, runs in the MLflow store, rows of a file.
    """

    seed: int = 0
    rounds: int = 3
    data: str = "sst5"
    encoder: str = ENCODER
    max_length: int = 128
    threads: int = 1
    batch_sizes: tuple[int, ...] = (4, 8, 32)
    steps: int = GROUP
    epochs: int = 1
    trials: int = 10_000
    peer_trials: int = 1_000
    runs: int = 5_000
    file_rows: int = 1_000_000
    quick: bool = False

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each round."""
        return tuple(range(self.seed, self.seed + self.rounds))

    @property
    def warm_up_seed(self) -> int:
        """The seed of the training that an arm does before its first round. No round has the same texts."""
        return self.seed + self.rounds


QUICK_SIZES: Mapping[str, Any] = {"quick": True, "trials": 500, "peer_trials": 100, "runs": 500, "file_rows": 100_000}
