"""peft, which only trainings with `lora` need: whether it is installed, and where its adapters are."""

import importlib.util

from sweeper.errors import UsageError

ADAPTER = "adapter"  # the folder of an adapter, in that of its model


def missing_peft_rule(rank: int) -> str | None:
    """Return the rule that `lora` breaks on a machine without peft, with the remedy, or None if peft is installed."""
    if importlib.util.find_spec("peft") is not None:
        return None
    return f"needs the package peft, which is not installed, got {rank}; run pip install 'peft>=0.18', or leave it out"


def require_peft(rank: int) -> None:
    """Raise UsageError if peft is not installed."""
    if rule := missing_peft_rule(rank):
        raise UsageError(f"lora: {rule}")
