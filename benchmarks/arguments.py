"""Checks of a command's arguments, before any work."""

from sweeper.data.catalog import DATASETS
from sweeper.errors import UsageError


def check_at_least(option: str, value: float, least: float) -> None:
    """Raise UsageError if the value of an option is too small."""
    if value < least:
        raise UsageError(f"{option} {value:g}: must be at least {least:g}")


def check_at_most(option: str, value: float, most: float) -> None:
    """Raise UsageError if the value of an option is too large."""
    if value > most:
        raise UsageError(f"{option} {value:g}: must be at most {most:g}")


def check_dataset(name: str) -> None:
    """Raise UsageError if the catalog has no data set with this name."""
    if name not in DATASETS:
        raise UsageError(f"{name}: no such data set, allowed are {', '.join(DATASETS)}")
