"""The manifest of a sweep, sweep.json: all that is fixed when the sweep first starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired

from pydantic import ConfigDict
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from sweeper.trials.borrowed import BorrowedTrials


class SplitSummary(TypedDict):
    """A split as sweep.json describes it: texts, their digest, texts per class, and warnings about them.

    `of` is the number of texts before a limit, if there is one.
    """

    texts: int
    digest: str
    classes: NotRequired[Mapping[str, int]]
    warnings: NotRequired[Sequence[str]]
    of: NotRequired[int]


class EncoderSummary(TypedDict):
    """A pretrained encoder as sweep.json describes it: the licence that its model card names, and its parameters.

    `licence` is "" if the card names none, and None if there is no card.
    """

    licence: str | None
    parameters: int


@dataclass(frozen=True)
class SweepManifest:
    """Everything that is fixed when a sweep first starts. It is the content of sweep.json.

    `identity` is the part of the spec that makes the sweep what it is. `resolved` maps `dataset` and each encoder to a
    commit or digest, `rows` to the digest of the rows, and `learn_from` to that of `borrowed`, which are copies of the
    trials of earlier sweeps. `threads` is the number of CPU threads of a trial. `id` distinguishes two sweeps with the
    same identity. `labels` are the class names. `data_warnings` are those that were shown at the first start.
    `encoders` describes the pretrained encoders by name, `dataset` is the name of the data set, and `began_at` the time
    in milliseconds since 1970; sweeps of an earlier version have none.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    identity: Mapping[str, Any]
    resolved: Mapping[str, str]
    threads: int
    id: str = ""
    labels: Sequence[str] = ()
    splits: Mapping[str, SplitSummary] = field(default_factory=dict)
    data_warnings: Sequence[str] = ()
    borrowed: Sequence[BorrowedTrials] = ()
    encoders: Mapping[str, EncoderSummary] = field(default_factory=dict)
    dataset: str = ""
    began_at: int = 0
