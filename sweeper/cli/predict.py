"""`sweeper predict`: labels and probabilities of texts, by a trained model."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.app.prediction_formats import DEFAULT_FORMAT, PREDICTION_FORMATS, PredictedRow
from sweeper.cli.arguments import DEFAULT_SWEEPS, Model, Sweeps
from sweeper.cli.choices import chosen_format, format_option, labels_of
from sweeper.cli.session import cli_session
from sweeper.cli.written_text import write_text
from sweeper.data.local_files import list_formats
from sweeper.terminal.terminal import Terminal

if TYPE_CHECKING:
    from sweeper.app.kept_model import KeptModel

Format = Annotated[str | None, format_option(PREDICTION_FORMATS, labels_of(PREDICTION_FORMATS), DEFAULT_FORMAT)]


def predict(
    model: Model,
    file: Annotated[
        Path | None,
        typer.Argument(help=f"Rows to predict. Formats: {list_formats()}.", show_default="a text per line of stdin"),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text", metavar="COLUMN", help="Column of the texts; twice for pairs.", show_default="as in the training"
        ),
    ] = None,
    format_: Format = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file.", show_default="the screen")
    ] = None,
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Leave out rows that have no text.")] = False,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Predict the label of each row, with the probability of each class.

    The texts are cleaned and cut as in the training, and the probabilities are those that sweeper scored.

    Example: echo 'a film to remember' | sweeper predict sst5-3f9a1c2e
    """  # fmt: skip
    with cli_session(quiet=out is None) as terminal:
        from sweeper.app.kept_model import find_model
        from sweeper.app.output_paths import require_other_file, require_writable_file

        if out is not None:
            require_writable_file("--out", out)
            if file is not None:
                require_other_file("--out", out, file)
        format_name = chosen_format(format_, out, PREDICTION_FORMATS, DEFAULT_FORMAT)
        kept_model = find_model(model, sweeps)
        rows = _read(terminal, kept_model, file, text or kept_model.text_columns, skip_bad_rows=skip_bad_rows)
        written = _predict(terminal, kept_model, rows, text or kept_model.text_columns, format_name)
        write_text(terminal, written, out, f": {len(rows):,} rows")


def _read(
    terminal: Terminal, kept_model: "KeptModel", file: Path | None, columns: Sequence[str], *, skip_bad_rows: bool
) -> list[tuple[str, ...]]:
    """Return the texts of each row of the file, or of stdin. Raises UsageError."""
    from sweeper.app.prediction_rows import parse_text_rows, read_rows
    from sweeper.errors import UsageError
    from sweeper.wording import count_noun

    if len(columns) != len(kept_model.text_columns):
        texts = count_noun(len(kept_model.text_columns), "text")
        raise UsageError(f"--text: the model takes {texts} in a row, got {len(columns)} columns")
    if file is not None and str(file) != "-":
        return read_rows(file, columns, kept_model.replacements, skip_bad_rows=skip_bad_rows)
    if sys.stdin.isatty():
        terminal.error("reading a text from each line; Ctrl-D ends it")
    lines = sys.stdin.buffer.read().decode("utf-8", errors="surrogateescape")
    return parse_text_rows(lines, columns, kept_model.replacements, skip_bad_rows=skip_bad_rows)


def _predict(
    terminal: Terminal, kept_model: "KeptModel", rows: Sequence[tuple[str, ...]], columns: Sequence[str], name: str
) -> str:
    """Return the predictions in a format. What libraries print goes to a temporary log."""
    terminal.capture_libraries()
    with terminal.step(f"predicting {len(rows):,} rows") as show:
        from sweeper.app.predict import TextClassifier

        probabilities = TextClassifier(kept_model).probabilities(rows, lambda done: show(f"{done:,} done")).tolist()
    named = [dict(zip(kept_model.labels, values, strict=True)) for values in probabilities]
    predicted = [
        PredictedRow(dict(zip(columns, texts, strict=True)), values, kept_model.thresholds)
        for texts, values in zip(rows, named, strict=True)
    ]
    return PREDICTION_FORMATS[name].write(predicted)
