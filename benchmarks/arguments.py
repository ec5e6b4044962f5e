"""Checks of a command's arguments, before any work."""

from sweeper.errors import UsageError


def check_at_least(option: str, value: float, least: float) -> None:
    """Raise UsageError if the value of an option is too small."""
    if value < least:
        raise UsageError(f"{option} {value:g}: must be at least {least:g}")
