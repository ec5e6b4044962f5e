"""The command line. Each file is a family of commands: it parses arguments, calls app/, and prints.

May import every package. Home of typer. Nothing heavy is imported until a command needs it: `sweeper --help` loads
neither ray nor torch.
"""

import os
import sys

import typer

from sweeper.cli import (
    checklist,
    clone,
    diff,
    doctor,
    export,
    ls,
    new,
    plan,
    predict,
    report,
    rm,
    run,
    schema,
    show,
    stop,
    submit,
    sync,
    table,
    train,
    ui,
    version,
    watch,
)
from sweeper.cli.plain_errors import PlainErrorGroup
from sweeper.terminal.standard_streams import open_closed_streams

app = typer.Typer(
    name="sweeper",
    cls=PlainErrorGroup,
    help="Hyperparameter sweeps for fine-tuned text classifiers, with results a reviewer can believe.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(version.global_options)
app.command("new")(new.new)
app.command("run")(run.run)
app.command("check")(run.check)
app.command("plan")(plan.plan)
app.command("ls")(ls.ls)
app.command("show")(show.show)
app.command("diff")(diff.diff)
app.command("submit")(submit.submit)
app.command("jobs")(submit.jobs)
app.command("logs")(submit.logs)
app.command("watch")(watch.watch)
app.command("stop")(stop.stop)
app.command("clone")(clone.clone)
app.command("train")(train.train)
app.command("predict")(predict.predict)
app.command("export")(export.export)
app.command("rm")(rm.rm)
app.command("sync")(sync.sync)
app.command("table")(table.table)
app.command("report")(report.report)
app.command("checklist")(checklist.checklist)
app.command("doctor")(doctor.doctor)
app.command("schema")(schema.schema)
app.command("ui")(ui.ui)


def main() -> None:
    """Run the command line: the console script `sweeper`."""
    open_closed_streams()
    if os.name == "nt":
        sys.exit("sweeper runs on Linux and macOS; on Windows use it in WSL: https://learn.microsoft.com/windows/wsl")
    app(sys.argv[1:] or ["--help"], prog_name="sweeper")
