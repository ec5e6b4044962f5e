"""`sweeper new`: a search space from the user's own data."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import AsJson
from sweeper.cli.session import cli_session
from sweeper.data.local_files import list_formats
from sweeper.terminal.terminal import Terminal
from sweeper.wording import quote_value

if TYPE_CHECKING:
    from sweeper.app.new_inputs import NewInput
    from sweeper.app.new_space import NewSpace

_HUB_OPTION = "--hub"


def new(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help=f"One file, which is split here, or the files of the splits. Formats: {list_formats()}.",
            show_default=False,
        ),
    ] = None,
    hub: Annotated[
        str | None, typer.Option(_HUB_OPTION, metavar="ORG/NAME", help="A data set of the Hugging Face hub instead.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(metavar="NAME", help="Configuration of the data set on the hub.")
    ] = None,
    revision: Annotated[str, typer.Option(metavar="NAME", help="Branch, tag or commit on the hub.")] = "main",
    text: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Column of the texts; twice for pairs.", show_default="found by names and values"
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the labels.", show_default="found by names and values"),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Encoder to begin with.", show_default="one for these texts and this machine"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Search space to write.", show_default="the name of the data with .yaml"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the splits of a single file.")] = 0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take what is likeliest.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at your data, and write a search space for it that runs as it stands. Nothing is trained.

    A single file is split into train, validation and test: each class keeps its share, and equal texts stay together.
    Files of splits have train, validation or test in their names. No file is overwritten. A question is asked only if
    several columns may be the text or the label, and only on a terminal.

    Example: sweeper new reviews.csv
    """
    with cli_session(as_json=as_json) as terminal:
        from sweeper.app.new_inputs import find_input

        source = find_input(files or [], hub, config, revision)
        path = out or Path(f"{source.stem}.yaml")
        terminal.capture_libraries()
        from sweeper.app.new_space import NewChoices, make_space

        asks = sys.stdin.isatty() and terminal.is_live and not yes and not as_json

        def ask(question: str, answers: Mapping[str, str]) -> str:
            return _ask(terminal, question, answers) if asks else next(iter(answers))

        space = make_space(terminal, source, path, NewChoices(text or (), label, encoder, seed), ask)
        _show(terminal, source, space)
        splits = {split: str(file) for split, file in space.splits.items()}
        terminal.result({"path": str(path), "splits": splits, "data": space.summary.model_dump(mode="json")})


def _ask(terminal: Terminal, question: str, answers: Mapping[str, str]) -> str:
    """Return the answer that the user names or numbers. Enter takes the first. `answers` have an example each."""
    terminal.line(question)
    width = max(map(len, answers))
    for number, (answer, example) in enumerate(answers.items(), start=1):
        terminal.line(f"  {number}  {answer:<{width}}", tail=f"  {example}")
    while True:
        terminal.text("number or name [1]: ")
        written = sys.stdin.readline()
        if not written:
            terminal.line("nothing was written")
            raise typer.Exit(1)
        word = written.strip() or "1"
        if word in answers:
            return word
        if word.isdecimal() and 1 <= int(word) <= len(answers):
            return list(answers)[int(word) - 1]
        numbers = f"a number from 1 to {len(answers)}" if len(answers) > 1 else "1"
        terminal.line(f"{quote_value(word)} is none of the answers; write {numbers}, or a name of the list")


def _show(terminal: Terminal, source: "NewInput", space: "NewSpace") -> None:
    """Print what was found and written, and what to do next."""
    from sweeper.terminal.data_view import class_table, head_line, summary_lines
    from sweeper.terminal.formatting import describe_spec

    terminal.line()
    terminal.line(head_line(source.origin, space.summary))
    if not terminal.as_json:
        terminal.table(class_table(space.summary, terminal.width))
    for line in summary_lines(space.summary):
        terminal.line(line)
    if space.encoder.missing:
        terminal.line(f"note: a better encoder cannot be had here: {space.encoder.reason}")
    terminal.line(f"encoder: {space.encoder.name}")
    terminal.line()
    for split, rows in space.summary.rows.items():
        file = space.splits.get(split, source.hub or "a tenth of the training texts")
        terminal.line(f"{split + ':':<12}{rows:>9,} rows  {file}")
    for path in source.neighbours[:1]:
        folder = shlex.quote(str(path.parent))
        terminal.line(f"note: {path} is not used; to use all files of splits there: sweeper new {folder}")
    terminal.line(f"{space.path}: {describe_spec(space.spec)}")
    terminal.line()
    terminal.line(f"what it would take:  sweeper plan {shlex.quote(str(space.path))}")
    terminal.line(f"run it:              sweeper run {shlex.quote(str(space.path))}")
