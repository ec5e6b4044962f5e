"""`sweeper report`: a sweep on one page of HTML that needs no network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.app.report import prepared_dataset, write_report
from sweeper.terminal.terminal import cli_session

if TYPE_CHECKING:
    pass


def report(
    sweep: Annotated[Path, typer.Argument(help="A sweep's folder, such as sweeps/sst5-3f9a1c2e.", show_default=False)],
    texts: Annotated[
        bool,
        typer.Option("--texts/--no-texts", help="Show texts of the data set, or leave them out: for licensed data."),
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Where the page goes.", show_default="SWEEP/report.html")] = None,
) -> None:
    """Write a sweep's report: one file of HTML that needs no network, of a sweep that is finished or not."""
    with cli_session() as screen:
        from contextlib import closing

        from sweeper.protocol.results import build_results
        from sweeper.record.optuna_study import OptunaStudy
        from sweeper.storage.sweep_folder import open_sweep

        folder = open_sweep(sweep)
        kept, spec = folder.read_results(), folder.spec
        with closing(OptunaStudy(spec, folder.journal, folder.manifest.threads)) as study:
            recorded, test_accesses = study.all_trials(), study.test_accesses()
        found = build_results(spec, folder, recorded, test_accesses)
        corpus, untold = None, "" if texts else "Texts were left out (--no-texts)."
        if texts and (folder.path / "predictions").exists():
            corpus, untold = prepared_dataset(screen, folder)
        place = write_report(
            screen, folder, spec, recorded, found, corpus, untold=untold, finished=kept is not None, out=out
        )
        screen.line(f"report: {place} ({place.stat().st_size / 1e6:.1f} MB)")
