"""An outcome has one label, and says whether the training went well."""

from sweeper.trials.outcome import Outcome


def test_labels_are_words_without_underscores() -> None:
    assert [outcome.label for outcome in Outcome] == [
        "completed", "stopped early", "diverged", "collapsed", "out of memory", "failed",
    ]  # fmt: skip


def test_completed_and_stopped_early_are_healthy() -> None:
    assert [outcome for outcome in Outcome if outcome.is_healthy] == [Outcome.COMPLETED, Outcome.STOPPED_EARLY]
