"""The ways in which a trial can end. An interrupted trial has no outcome: it continues when the sweep is resumed."""

from enum import StrEnum


class Outcome(StrEnum):
    """The end of a trial. The value is written to the record, MLflow and results.json; people read the `label`."""

    COMPLETED = "completed"
    STOPPED_EARLY = "stopped_early"
    DIVERGED = "diverged"
    COLLAPSED = "collapsed"
    OUT_OF_MEMORY = "out_of_memory"
    FAILED = "failed"

    @property
    def label(self) -> str:
        """The outcome in words, for tables, reports and the terminal: "stopped early"."""
        return self.value.replace("_", " ")

    @property
    def leaves_model(self) -> bool:
        """True if a training with this end leaves a model, whose scores count."""
        return self in (Outcome.COMPLETED, Outcome.COLLAPSED)

    @property
    def is_healthy(self) -> bool:
        """True if the training went well: it ran to its end, or early stopping preferred other trials."""
        return self in (Outcome.COMPLETED, Outcome.STOPPED_EARLY)
