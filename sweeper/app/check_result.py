"""The result of one check of the machine."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    NOTE = "note"  # it works, with a limit
    FAIL = "fail"


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a check, the fact, and the remedy if one is needed."""

    health: Health
    fact: str
    remedy: str = ""


def judge(fact: str, *, failed: bool, remedy: str, worst: Health = Health.FAIL) -> CheckResult:
    """Return a result that is OK, or `worst` with the remedy."""
    return CheckResult(worst, fact, remedy) if failed else CheckResult(Health.OK, fact)
