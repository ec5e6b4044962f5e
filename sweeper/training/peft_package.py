"""Find out if peft is installed, which only trainings with `lora` need, without importing it."""

import importlib.util

from sweeper.errors import UsageError


def missing_peft_rule(rank: int) -> str | None:
    """Return the rule that `lora` breaks on a machine without peft, with the remedy, or None if peft is installed."""
    if importlib.util.find_spec("peft") is not None:
        return None
    return (
        f"needs the package peft, which is not installed, got {rank}; run pip install 'sweeper[lora]', or leave it out"
    )


def require_peft(rank: int) -> None:
    """Raise UsageError if peft is not installed."""
    if rule := missing_peft_rule(rank):
        raise UsageError(f"lora: {rule}")
