"""`sweeper train`: one trial of a sweep again, with its model exported."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweep, Sweeps
from sweeper.cli.session import cli_session, typed_command
from sweeper.terminal.terminal import Terminal
from sweeper.wording import name_absent_classes

if TYPE_CHECKING:
    from sweeper.app.train_model import TrainedModel

_MAX_CLASSES_SHOWN = 16  # in a confusion matrix on a terminal


def train(
    sweep: Sweep,
    trial: Annotated[int | None, typer.Argument(help="A trial's number.", show_default="the best")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Train with another seed.", show_default="the trial's own")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Score the test split too; this test access is recorded.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the model.", show_default="SWEEP/train/…")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result on stdout as JSON.")] = False,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Train a trial again, and export the model of its best epoch for transformers.

    With the trial's own seed, on the same machine, the numbers are those of the sweep, bit for bit. An interrupted
    training continues from its last validation.

    Example: sweeper train sst5-3f9a1c2e 12 --out model
    """
    hint = f"the same command continues from the last validation: {typed_command()}"
    with cli_session(as_json=as_json, resume_hint=hint, has_last_words=True) as terminal:
        from sweeper.app.output_paths import require_writable_folder
        from sweeper.app.train_model import find_trial, train_model
        from sweeper.storage.sweep_names import find_named_sweep

        folder = find_named_sweep(sweep, sweeps)
        if out is not None:
            require_writable_folder("--out", out)
        chosen = find_trial(folder, trial, seed)
        path = out or folder.path / "train" / f"{chosen.number}-seed-{chosen.config.seed}"
        model = train_model(terminal, folder, chosen, path, test=test)
        _show(terminal, model)
        terminal.line(f"model: {path}")
        terminal.line(f"log:   {terminal.log}")
        terminal.result(model.to_dict())


def _show(terminal: Terminal, model: "TrainedModel") -> None:
    """Print the scores, and the confusion matrix of the test split where there is room for it.

    The score is the accuracy, or macro_f1 of a model that predicts any number of labels.
    """
    from sweeper.terminal.formatting import confusion_table, format_score

    name = "accuracy" if "validation/accuracy" in model.metrics else "macro_f1"
    scores = {"validation": model.metrics[f"validation/{name}"]}
    if model.test is not None:
        scores["test"] = model.test.model_dump()[name]
        confusion = model.test.confusion
        if confusion is not None and len(model.test.labels) <= _MAX_CLASSES_SHOWN:
            terminal.table(confusion_table(model.test.labels, confusion))
        absent = "" if confusion is None else name_absent_classes("test", model.test.labels, list(map(sum, confusion)))
        if absent:
            terminal.line(absent)
    terminal.line("  ".join(f"{split} {name} {format_score(value)}" for split, value in scores.items()))
