"""`sweeper checklist`: answers for a reviewer's checklist, from the record of a sweep."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweep, Sweeps
from sweeper.cli.choices import one_of
from sweeper.cli.session import cli_session
from sweeper.cli.written_text import write_text

_FORMATS = ("md", "latex")


def checklist(
    sweep: Sweep,
    format_: Annotated[
        str,
        typer.Option("--format", parser=one_of(_FORMATS), metavar="NAME", help=f"The format: {' or '.join(_FORMATS)}."),
    ] = _FORMATS[0],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the answers to this file.", show_default="the screen")
    ] = None,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Draft answers for the ACL Responsible NLP checklist, items B1 to B6 and C1 to C4, from a sweep's record.

    Parameters, hours, search ranges and best values, seeds, scores, versions and licences. What is not known is said.

    Example: sweeper checklist sst5-3f9a1c2e --format latex --out checklist.tex
    """
    with cli_session() as terminal:
        from sweeper.app.checklist import checklist as draft_checklist
        from sweeper.app.output_paths import require_writable_file

        if out is not None:
            require_writable_file("--out", out)
        drafted = draft_checklist(sweep, sweeps=sweeps)
        write_text(terminal, drafted.to_latex() if format_ == "latex" else drafted.to_markdown(), out)
