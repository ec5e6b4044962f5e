"""The trials that a sweep learned from in earlier sweeps, for results.json and in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from sweeper.protocol.result_model import ResultModel
from sweeper.trials.borrowed import BorrowedTrials
from sweeper.wording import count_noun

if TYPE_CHECKING:
    from sweeper.storage.sweep_folder import SweepFolder  # slow to import; every command reads results


class LearnedFrom(ResultModel):
    """The trials that a sweep borrowed from one earlier sweep at its first start."""

    sweep: str = Field(description="name of the earlier sweep")
    id: str = Field("", description="distinguishes two sweeps of the same name")
    dataset: str = Field(description="name of its data set")
    trials: int = Field(description="its trials that the sampler learned from")
    ended: int = Field(description="trials of its search that had ended then")
    outside: int = Field(0, description="of these, trials that lie outside the space")
    of_other_systems: int = Field(0, description="of these, trials of other systems, which tpe.siblings would use")
    left_out: list[str] = Field(default_factory=list, description="hyperparameters whose values do not apply here")
    same_validation: bool = Field(description="True if its scores are on the same validation split")


def learned_from(folder: "SweepFolder") -> list[LearnedFrom]:
    """Return what the sweep in a folder learned from earlier sweeps."""
    return summarize_borrowed(folder.manifest.borrowed, folder.validation_digest)


def summarize_borrowed(borrowed: Sequence[BorrowedTrials], validation: str = "") -> list[LearnedFrom]:
    """Return a summary of borrowed trials. `validation` is the digest of the sweep's validation split, if known."""
    return [
        LearnedFrom(
            sweep=source.sweep,
            id=source.id,
            dataset=source.dataset,
            trials=len(source.trials),
            ended=source.ended,
            outside=source.outside,
            of_other_systems=source.of_other_systems,
            left_out=list(source.left_out),
            same_validation=source.same_dataset or bool(validation and validation == source.validation),
        )
        for source in borrowed
    ]


def describe_learned_from(source: LearnedFrom) -> str:
    """Return in words what was borrowed from an earlier sweep, what was left out, and which texts its scores are on."""
    parts = [f"{source.sweep} ({source.dataset}), {source.trials} of {count_noun(source.ended, 'ended trial')}"]
    if source.outside:
        verb = "lies" if source.outside == 1 else "lie"
        parts.append(f"{source.outside} {verb} outside this space")
    if source.of_other_systems:
        verb = "is" if source.of_other_systems == 1 else "are"
        parts.append(f"{source.of_other_systems} {verb} of other systems, which tpe.siblings would use")
    if source.left_out:
        parts.append(f"without {', '.join(source.left_out)}, whose values do not apply here")
    parts.append(
        "its scores are on the same validation split, so this is further tuning on it"
        if source.same_validation
        else "its scores are on another validation split"
    )
    return "; ".join(parts)
