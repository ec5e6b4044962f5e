"""Trials that a sweep borrows from earlier sweeps, to learn from them. They are copied into its sweep.json."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sweeper.training.config import Scalar


@dataclass(frozen=True)
class BorrowedTrial:
    """An ended trial of an earlier sweep.

    `system` are the hyperparameters that define its system there. `values` are those that its training used, as far as
    the borrowing sweep varies them or `system` has them. `score` is its best validation, with `average: last` its
    last, and None unless it completed. `reports` are the values of the objective by validation, counted as in the
    borrowing sweep, at the epochs at which both sweeps validate. A trial that went wrong has none: the worst rank.
    """

    number: int
    system: Mapping[str, Scalar]
    values: Mapping[str, Scalar]
    score: float | None
    reports: Mapping[int, float]


@dataclass(frozen=True)
class BorrowedTrials:
    """The trials that a sweep borrows from one earlier sweep, which has the name `sweep` and the `id`.

    `validation` is the digest of its validation split. `same_dataset` is True if both sweeps name the same data set.
    `ended` trials of its search had ended then. Of these, `outside` lie outside the borrowing sweep's space, and
    `of_other_systems` are left out because `tpe.siblings` is 0. `left_out` are hyperparameters that do not apply.
    """

    sweep: str
    id: str
    dataset: str
    validation: str
    same_dataset: bool
    ended: int
    outside: int
    of_other_systems: int
    left_out: Sequence[str]
    trials: Sequence[BorrowedTrial]


def borrowed_digest(borrowed: Sequence[BorrowedTrials]) -> str:
    """Return a digest (16 hex digits) of borrowed trials and where they come from."""
    text = json.dumps([asdict(source) for source in borrowed], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
