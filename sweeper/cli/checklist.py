"""`sweeper checklist`: answers for a reviewer's checklist, from the record of a sweep."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweep, Sweeps
from sweeper.cli.choices import format_option
from sweeper.cli.session import cli_session
from sweeper.cli.written_text import write_text

_FORMATS = {".md": "md", ".tex": "latex"}  # by the endings of files
_DEFAULT_FORMAT = "md"


def checklist(
    sweep: Sweep,
    format_: Annotated[
        str | None, format_option(list(_FORMATS.values()), " or ".join(_FORMATS.values()), _DEFAULT_FORMAT)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the answers to this file.", show_default="the screen")
    ] = None,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Draft answers for the ACL Responsible NLP checklist, items B1 to B6 and C1 to C4, from a sweep's record.

    Parameters, hours, search ranges and best values, seeds, scores, versions and licences. What is not known is said.

    Example: sweeper checklist sst5-3f9a1c2e --out checklist.tex
    """
    with cli_session() as terminal:
        from sweeper.app.checklist import checklist as draft_checklist
        from sweeper.app.output_paths import format_of_file, require_writable_file

        if out is not None:
            require_writable_file("--out", out)
        format_name = format_ or format_of_file(out, _FORMATS, _DEFAULT_FORMAT, "or name the format with --format")
        drafted = draft_checklist(sweep, sweeps=sweeps)
        is_latex = format_name == "latex"
        text = drafted.to_latex() if is_latex else drafted.to_markdown()
        write_text(terminal, text, out, is_markdown=not is_latex)
