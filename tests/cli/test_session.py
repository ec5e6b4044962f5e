"""An interrupted command says with which command it continues."""

import sys
from collections.abc import Sequence

import pytest
import typer

from sweeper.cli.session import cli_session, typed_command
from sweeper.errors import SweepInterrupted


@pytest.mark.parametrize(
    ("typed", "continues"),
    [
        (["run", "quickstart"], "sweeper run quickstart"),
        (["run", "my space.yaml", "--fresh", "--set", "budget.trials=8"],
         "sweeper run 'my space.yaml' --set budget.trials=8"),
        (["submit", "a.yaml", "--fresh"], "sweeper submit a.yaml"),
    ],
)  # fmt: skip
def test_the_command_that_continues_is_the_typed_one_without_fresh(
    typed: Sequence[str], continues: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/sweeper", *typed])
    with pytest.raises(typer.Exit) as end, cli_session(resume_hint=f"it continues: {typed_command()}"):
        raise SweepInterrupted(143)
    assert end.value.exit_code == 143
    assert capfd.readouterr().err == f"interrupted; it continues: {continues}\n"
