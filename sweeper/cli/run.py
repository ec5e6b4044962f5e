"""`sweeper run` and `sweeper check`: from search space files to tables of the best."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.app.specs import specs_of
from sweeper.terminal.terminal import cli_session

if TYPE_CHECKING:
    pass

Files = Annotated[list[Path], typer.Argument(help="Search spaces, run one after the other.", show_default=False)]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Override a key of the files, as in --set budget.trials=8."),
]


def run(
    files: Files,
    overrides: Sets = None,
    sweeps: Annotated[Path, typer.Option(help="Where sweeps are kept.")] = Path("sweeps"),
    inline: Annotated[bool, typer.Option("--inline", help="Run in this process, without Ray: for a debugger.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the final result on stdout as JSON.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew, beside what was there before.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the final tables alone.")] = False,
    parcel: Annotated[Path | None, typer.Option(hidden=True, help="What `sweeper submit` sent with the files.")] = None,
) -> None:
    """Run search spaces; the same command again goes on where it stopped.

    Data sets and encoders come from the Hugging Face hub (HF_ENDPOINT, HF_HOME); results go to MLflow
    (MLFLOW_TRACKING_URI, else mlflow.db beside the sweeps). With RAY_ADDRESS set, that Ray cluster is used.
    """
    again = "the same command goes on where it stopped"
    with cli_session(as_json=as_json, debugger=inline, quiet=quiet, relayed=parcel is not None, again=again) as screen:
        if parcel is not None:
            from sweeper.app.bundle import verify_bundle

            verify_bundle(parcel)
        specs = specs_of(files, overrides)
        from sweeper.app.run_sweeps import run_sweeps

        found = run_sweeps(screen, specs, sweeps, inline=inline, fresh=fresh)
        results = [one.to_dict() for one in found]
        screen.result(results[0] if len(results) == 1 else {"sweeps": results})


def check(files: Files, overrides: Sets = None) -> None:
    """Check search spaces, and say what they would run."""
    from sweeper.terminal.formatting import describe_spec

    with cli_session() as screen:
        for file, spec in zip(files, specs_of(files, overrides), strict=True):
            screen.line(f"{file}: {describe_spec(spec)}")
