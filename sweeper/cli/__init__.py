"""The command line. Each file is a family of commands: it parses arguments, calls app/, and prints.

May import every package. Home of typer. Nothing heavy is imported until a command needs it: `sweeper --help` loads
neither ray nor torch.
"""

import typer

from sweeper.cli import report, run, submit, sync, table, train, ui

app = typer.Typer(
    name="sweeper",
    help="Hyperparameter sweeps for fine-tuned text classifiers, with results a reviewer can believe.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("check")(run.check)
app.command("submit")(submit.submit)
app.command("jobs")(submit.jobs)
app.command("logs")(submit.logs)
app.command("stop")(submit.stop)
app.command("train")(train.train)
app.command("sync")(sync.sync)
app.command("table")(table.table)
app.command("report")(report.report)
app.command("ui")(ui.ui)


def main() -> None:
    """Run the command line: the console script `sweeper`."""
    app()
