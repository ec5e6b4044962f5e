"""Draws the README's picture from a sweep's record: the live view at one moment, the table and the winner at the end.

    python -m docs.picture SWEEP [--at 0.35] [--out docs/images/quickstart.svg]

Nothing in it is made up: every report in the record has its time, and the view is drawn from those that existed then.
"""

import argparse
from contextlib import closing
from dataclasses import replace
from io import StringIO
from itertools import takewhile
from pathlib import Path

from rich.console import Console

import sweeper
from sweeper.app.winner import winner_block
from sweeper.protocol.remaining_time import RemainingTime
from sweeper.record.optuna_study import OptunaStudy
from sweeper.terminal import formatting
from sweeper.terminal.dashboard import Dashboard
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TrialRecord

_COLUMNS = 100


def record_at(record: TrialRecord, moment: float) -> TrialRecord:
    """Return a trial as it was recorded at `moment`, in milliseconds since 1970."""
    reports = sum(time <= moment for time in record.report_times)
    had_ended = record.ended_at is not None and record.ended_at <= moment
    earlier = replace(record, reports=record.reports[:reports], report_times=record.report_times[:reports])
    earlier = replace(earlier, test=record.test if record.test and record.test.at <= moment else None)
    return earlier if had_ended else replace(earlier, end=None, ended_at=None)


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, help="the sweep's folder")
    parser.add_argument("--at", type=float, default=0.35, help="the moment, as a share of the sweep's time")
    parser.add_argument("--slots", type=int, default=2, help="trials at a time")
    parser.add_argument("--out", type=Path, default=Path("docs/images/quickstart.svg"))
    options = parser.parse_args()
    sweep = sweeper.open(options.sweep)
    spec, folder, results = sweep.spec, sweep.folder, sweep.results
    with closing(OptunaStudy(spec, folder.journal, folder.manifest.threads)) as study:
        records = study.all_trials()
    scored = [record.test.at for record in records if record.test]
    start, end = records[0].started_at, max(scored + [record.ended_at or record.started_at for record in records])
    moment = start + options.at * (end - start)
    session = SearchSession(began=start, at=start, gpu=spec.resources.most_gpus)
    remaining_time = RemainingTime(spec, options.slots, [session])
    dashboard = Dashboard(spec, folder.name, options.slots, lambda: moment / 1000, session.began / 1000, remaining_time)
    dashboard.records = {
        record.trial.number: record_at(record, moment) for record in records if record.started_at <= moment
    }
    console = Console(record=True, width=_COLUMNS, file=StringIO(), force_terminal=True, highlight=False)
    console.print(f"[dim]{formatting.format_duration((moment - start) / 1000)} after the start[/]\n")
    console.print(dashboard)
    console.print(f"\n[dim]{formatting.format_duration((end - start) / 1000)} after the start[/]\n")
    console.print(formatting.search_title(results))
    console.print(formatting.search_table(spec, results))
    console.print("\n[dim]on the test split, with fresh seeds[/]\n")
    table = [line for line in results.table().to_markdown().splitlines() if line.startswith("|")]
    console.print("\n".join(table), markup=False)
    console.print()
    for line in takewhile(lambda line: not line.startswith("  use it"), winner_block(folder, results)):
        console.print(line, markup=False)
    options.out.write_text(console.export_svg(title="sweeper run search_spaces/quickstart.yaml"), encoding="utf-8")


if __name__ == "__main__":
    main()
