"""Checks what sweeper needs of this machine and of the services around it. To add a check, add an entry to CHECKS."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from sweeper.app import machine_checks, service_checks
from sweeper.app.check_result import CheckResult, Health
from sweeper.errors import SweeperError

Check = Callable[[Path], CheckResult]

CHECKS: Mapping[str, Check] = {
    "Python": machine_checks.check_python,
    "torch": machine_checks.check_torch,
    "bf16": machine_checks.check_precision,
    "Ray": service_checks.check_ray,
    "MLflow": service_checks.check_mlflow_store,
    "hub": service_checks.check_hub,
    "shared memory": machine_checks.check_shared_memory,
    "temporary files": machine_checks.check_temporary_files,
    "disk": machine_checks.check_disk,
    "clock": machine_checks.check_clock,
    "open ports": service_checks.check_open_ports,
}
"""By name: a function of the folder of the sweeps."""


class Diagnosis(BaseModel):
    """The outcome of one check."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="what was checked")
    health: Health = Field(description="ok; note: it works, with a limit; fail: something will not work")
    fact: str = Field(description="what was found")
    remedy: str = Field(description="what to do")


def examine(sweeps: str | Path = "sweeps") -> Iterator[Diagnosis]:
    """Yield the outcome of each check, as soon as it is known. A check that raises has failed."""
    for name, check in CHECKS.items():
        try:
            result = check(Path(sweeps))
        except Exception as error:
            result = CheckResult(Health.FAIL, _describe_error(error))
        yield Diagnosis(name=name, health=result.health, fact=result.fact, remedy=result.remedy)


def _describe_error(error: Exception) -> str:
    """Return an error on one line, with its type if it is one that no check foresees."""
    line = " ".join(str(error).split())
    return line if isinstance(error, (SweeperError, OSError, ImportError)) else f"{type(error).__name__}: {line}"
