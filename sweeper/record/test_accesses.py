"""The test accesses in a record, counted without the search space that the record belongs to."""

from collections.abc import Sequence
from pathlib import Path

from sweeper.record.journal_snapshot import JournalSnapshot
from sweeper.record.storage import RecordStorage
from sweeper.record.trial_attributes import stored_test_accesses
from sweeper.trials.trial import TestAccess


def read_test_accesses(journal: Path) -> Sequence[TestAccess]:
    """Return every test access in the record at `journal`, oldest first; none if the file is missing.

    Nothing is locked or written. Raises RecordError if the record is damaged.
    """
    return stored_test_accesses(RecordStorage(JournalSnapshot(journal)))
