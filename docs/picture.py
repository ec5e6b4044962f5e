"""The README's picture: the live view of a sweep that was run, as it stood at one moment, and the table it ended in.

    python -m docs.picture SWEEP [--at 0.22] [--out docs/quickstart.svg]

Nothing in it is made up: every report in the record has its time, and the view is drawn from those that were there.
"""

import argparse
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from sweeper.protocol.results import stored_results
from sweeper.record.optuna_study import OptunaStudy
from sweeper.storage.sweep_folder import open_sweep
from sweeper.terminal import formatting
from sweeper.terminal.live_view import Dashboard
from sweeper.trials.trial import TrialRecord

_COLUMNS = 100


def then(recorded: TrialRecord, at: float) -> TrialRecord:
    """A trial as the record had it at `at`, in milliseconds since 1970."""
    known = sum(time <= at for time in recorded.report_times)
    over = recorded.ended_at is not None and recorded.ended_at <= at
    seen = replace(recorded, reports=recorded.reports[:known], report_times=recorded.report_times[:known])
    return seen if over else replace(seen, end=None, ended_at=None)


def main() -> None:
    """Draw it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("sweep", type=Path, help="the sweep's folder")
    options.add_argument("--at", type=float, default=0.22, help="the moment, as a share of the sweep's time")
    options.add_argument("--slots", type=int, default=2, help="trials at a time")
    options.add_argument("--out", type=Path, default=Path("docs/quickstart.svg"))
    chosen = options.parse_args()
    folder = open_sweep(chosen.sweep)
    spec, results = folder.spec, stored_results(folder)
    with closing(OptunaStudy(spec, folder.journal, folder.manifest.threads)) as study:
        recorded = study.all_trials()
    start, end = recorded[0].started_at, max(one.ended_at or one.started_at for one in recorded)
    at = start + chosen.at * (end - start)
    drawing = Dashboard(
        spec, f"{folder.name}: {formatting.describe_spec(spec)}", chosen.slots, lambda: at / 1000, start=start / 1000
    )
    drawing.states = {one.trial.number: then(one, at) for one in recorded if one.started_at <= at}
    console = Console(record=True, width=_COLUMNS, file=StringIO(), force_terminal=True, highlight=False)
    console.print(f"[dim]{formatting.format_duration((at - start) / 1000)} after the start[/]\n")
    console.print(drawing)
    console.print(f"\n[dim]{formatting.format_duration((end - start) / 1000)} after the start[/]\n")
    if results is not None:
        console.print(formatting.results_table(spec, results))
    chosen.out.write_text(console.export_svg(title="sweeper run search_spaces/quickstart.yaml"), encoding="utf-8")


if __name__ == "__main__":
    main()
