"""`sweeper doctor`: what this machine has and lacks."""

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, AsJson, Sweeps
from sweeper.cli.session import cli_session


def doctor(as_json: AsJson = False, sweeps: Sweeps = DEFAULT_SWEEPS) -> None:
    """Check this machine: Python, torch, Ray, MLflow, the hub, memory, disks, clock and open ports.

    A line each: ok; note: it works, with a limit; fail: it will not work, with the remedy. Exit code 1 if one fails.

    Example: sweeper doctor --sweeps /scratch/sweeps
    """
    with cli_session(as_json=as_json) as terminal:
        terminal.capture_libraries()
        from sweeper.app.doctor import CHECKS, examine
        from sweeper.terminal.check_row import check_row

        width = max(map(len, CHECKS))
        diagnoses = []
        for diagnosis in examine(sweeps):
            diagnoses.append(diagnosis)
            row = check_row(diagnosis.health, diagnosis.name, diagnosis.fact, diagnosis.remedy, width)
            terminal.table(row, whole=True)
        terminal.result({"checks": [diagnosis.model_dump(mode="json") for diagnosis in diagnoses]})
        if any(diagnosis.health == "fail" for diagnosis in diagnoses):
            raise typer.Exit(1)
