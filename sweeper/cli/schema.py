"""`sweeper schema`: the JSON Schema of a search space file."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.session import cli_session
from sweeper.cli.written_text import write_text


def schema(
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the schema to this file.", show_default="the screen")
    ] = None,
) -> None:
    """Print the JSON Schema of search spaces, with which an editor completes and checks them.

    An editor with YAML's language server finds it by the first line of a search space:
    # yaml-language-server: $schema=schema.json

    Example: sweeper schema --out schema.json
    """
    with cli_session() as terminal:
        from sweeper.app.output_paths import format_of_file, require_writable_file
        from sweeper.search_space.json_schema import FIRST_LINE, schema_text

        if out is not None:
            require_writable_file("--out", out)
            format_of_file(out, {".json": "json"}, "json")
        write_text(terminal, schema_text(), out, f"; the first line of a search space beside it: {FIRST_LINE}")
