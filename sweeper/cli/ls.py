"""`sweeper ls`: the sweeps in a folder."""

import time

from sweeper.cli.arguments import DEFAULT_SWEEPS, AsJson, Sweeps
from sweeper.cli.session import cli_session


def ls(as_json: AsJson = False, sweeps: Sweeps = DEFAULT_SWEEPS) -> None:
    """List the sweeps in a folder, the newest first: state, trials, best score, age and size.

    The best score is that of validation: the mean over fresh seeds where the setting was confirmed.

    Example: sweeper ls --sweeps experiments/sweeps
    """
    with cli_session(as_json=as_json) as terminal:
        from sweeper.app.sweep_list import list_sweeps
        from sweeper.protocol.sweep_summary import SweepState
        from sweeper.terminal.sweeps_table import sweeps_table

        summaries = list_sweeps(sweeps)
        if summaries:
            terminal.table(sweeps_table(summaries, time.time(), terminal.table_width), whole=True)
        else:
            terminal.line(f"no sweeps in {sweeps}")
        for summary in summaries:
            if summary.problem:
                named = "" if summary.state == SweepState.DAMAGED else f"{summary.sweep}: "
                terminal.line(f"{named}{summary.problem}", style="red")
        terminal.result({"sweeps": [summary.model_dump(mode="json") for summary in summaries]})
