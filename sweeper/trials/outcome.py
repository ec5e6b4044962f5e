"""How a trial can end. A trial that was cut off has no outcome: it goes on when the sweep does."""

from enum import StrEnum


class Outcome(StrEnum):
    """The end of a trial; the value is what the record, MLflow and the tables say."""

    COMPLETED = "completed"
    STOPPED_EARLY = "stopped_early"
    DIVERGED = "diverged"
    COLLAPSED = "collapsed"
    OUT_OF_MEMORY = "out_of_memory"
    FAILED = "failed"

    @property
    def healthy(self) -> bool:
        """Whether the training itself went well: to its end, or until ASHA preferred others."""
        return self in (Outcome.COMPLETED, Outcome.STOPPED_EARLY)
