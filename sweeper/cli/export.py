"""`sweeper export`: a model of a sweep as a classifier of transformers."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Model, Sweeps
from sweeper.cli.session import cli_session


def export(
    model: Model,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for the model.", show_default=False)],
    push: Annotated[
        str | None, typer.Option(metavar="ORG/NAME", help="Also upload it to this model of the Hugging Face hub.")
    ] = None,
    adapter: Annotated[
        bool, typer.Option("--adapter", help="Write only the adapter of a model trained with `lora`, for peft.")
    ] = False,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Export a model as an AutoModelForSequenceClassification folder, with its model card.

    transformers computes models with pooling cls and a linear classifier itself. Others are exported with their code,
    and transformers loads them with trust_remote_code=True. Models of rnn and gru are refused. A model with an adapter
    is exported whole, with the adapter merged into its encoder; --adapter writes the adapter alone.

    Example: sweeper export sst5-3f9a1c2e sst5-model
    """
    with cli_session() as terminal:
        from sweeper.app.kept_model import find_model
        from sweeper.app.pipeline_usage import describe_export

        kept_model = find_model(model, sweeps)
        terminal.capture_libraries()
        with terminal.step(f"exporting {kept_model.folder}"):
            from sweeper.app.export_model import describe_own_code, export_model

            address = export_model(model, folder, sweeps=sweeps, push=push, adapter=adapter)
        terminal.line(f"{'adapter:' if adapter else 'model: '} {folder}")
        if address:
            terminal.line(f"hub:    {address}")
        if adapter:
            terminal.line(f"use it: peft.PeftModel.from_pretrained(encoder, {str(folder)!r}); README.md there says how")
            return
        for line in describe_export(kept_model, str(folder), describe_own_code(kept_model)):
            terminal.line(line)
