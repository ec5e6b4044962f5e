"""A rule that a value of a search space breaks."""

from dataclasses import dataclass

from sweeper.search_space.document import KeyPath


@dataclass(frozen=True)
class SpecIssue:
    """A rule in words, and the path of the value that breaks it."""

    path: KeyPath
    rule: str
