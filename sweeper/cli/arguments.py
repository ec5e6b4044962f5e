"""Arguments that several commands share."""

import glob
from pathlib import Path
from typing import Annotated

import typer


def complete_sweep(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of sweeps that begin with what is written so far, for the shell."""
    folder = Path(context.params.get("sweeps") or DEFAULT_SWEEPS)
    return sorted(path.parent.name for path in folder.glob(f"{glob.escape(incomplete)}*/sweep.json"))


Sweep = Annotated[
    str,
    typer.Argument(
        help="A sweep: its name, such as sst5-3f9a1c2e, or its folder.",
        show_default=False,
        autocompletion=complete_sweep,
    ),
]
Model = Annotated[
    str,
    typer.Argument(
        help="A sweep with a confirmed setting, by name or folder, or a model's folder.",
        show_default=False,
        autocompletion=complete_sweep,
    ),
]
Sweeps = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the sweeps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result on stdout as JSON.")]
AsEvents = Annotated[bool, typer.Option("--events", help="Print each event on stdout as a line of JSON.")]
DEFAULT_SWEEPS = Path("sweeps")
