"""The identity of a data set in MLflow, and the names that its experiment may have."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class DataIdentity:
    """The data set of a sweep: its name and the digest of its rows.

    With `is_renamed`, the name is that of another, known data set, whose experiment is left alone.
    """

    name: str
    rows: str = ""
    is_renamed: bool = False

    @property
    def experiment_names(self) -> Sequence[str]:
        """The names that the data set's experiment may have. The first one that no other rows have is taken."""
        with_digest = f"{self.name} ({self.rows[:8]})"
        return [with_digest] if self.is_renamed else [self.name, *([with_digest] if self.rows else [])]
