"""The command line. Each file is a family of commands: it parses arguments, calls app/, and prints.

May import every package. Home of typer. Nothing heavy is imported until a command needs it: `sweeper --help` loads
neither ray nor torch.
"""

import atexit
import gc
import os
import sys
from collections.abc import Callable

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
from sweeper.cli.flowing_help import flowing_help
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
_COMMANDS: dict[str, Callable[..., None]] = {
    "new": new.new,
    "run": run.run,
    "check": run.check,
    "plan": plan.plan,
    "ls": ls.ls,
    "show": show.show,
    "diff": diff.diff,
    "submit": submit.submit,
    "jobs": submit.jobs,
    "logs": submit.logs,
    "watch": watch.watch,
    "stop": stop.stop,
    "clone": clone.clone,
    "train": train.train,
    "predict": predict.predict,
    "export": export.export,
    "rm": rm.rm,
    "sync": sync.sync,
    "table": table.table,
    "report": report.report,
    "checklist": checklist.checklist,
    "doctor": doctor.doctor,
    "schema": schema.schema,
    "ui": ui.ui,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, help=flowing_help(_command))(_command)


def main() -> None:
    """Run the command line: the console script `sweeper`."""
    open_closed_streams()
    _collect_garbage_rarely()
    if os.name == "nt":
        sys.exit("sweeper runs on Linux and macOS; on Windows use it in WSL: https://learn.microsoft.com/windows/wsl")
    app(sys.argv[1:] or ["--help"], prog_name="sweeper")


def _collect_garbage_rarely() -> None:
    """Let Python search for garbage less often, and not once more as it ends.

    Imports make objects that stay. With PyTorch and MLflow, the searches took a fifth of the time to import them, and a
    second at the end.
    """
    gc.set_threshold(10_000, 20, 20)
    atexit.register(gc.freeze)
