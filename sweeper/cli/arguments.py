"""Arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Sweep = Annotated[
    str, typer.Argument(help="A sweep: its name, such as sst5-3f9a1c2e, or its folder.", show_default=False)
]
Model = Annotated[
    str,
    typer.Argument(
        help="A sweep with a confirmed setting, by name or folder, or a model's folder.", show_default=False
    ),
]
Sweeps = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the sweeps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result on stdout as JSON.")]
DEFAULT_SWEEPS = Path("sweeps")
