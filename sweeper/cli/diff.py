"""`sweeper diff`: how the questions of two sweeps differ."""

from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, AsJson, Sweeps
from sweeper.cli.session import cli_session

Either = Annotated[str, typer.Argument(help="A sweep by name or folder, or a search space.", show_default=False)]


def diff(first: Either, second: Either, as_json: AsJson = False, sweeps: Sweeps = DEFAULT_SWEEPS) -> None:
    """Show how two sweeps differ: in the question, and in what is spent on it.

    First the keys that make another sweep, then those that may change, such as the budget. Between two sweeps, the
    versions of data and encoders are compared as well.

    Example: sweeper diff sst5-3f9a1c2e search_spaces/sst5.yaml
    """
    with cli_session(as_json=as_json) as terminal:
        from sweeper.app.diff_sweeps import diff_sweeps
        from sweeper.terminal.differences import differences_table

        differences = diff_sweeps(first, second, sweeps=sweeps)
        titles = {"question": "the question", "spending": "what is spent on it (no other question)"}
        for kind, title in titles.items():
            of_kind = [difference for difference in differences if difference.kind == kind]
            rows = [(difference.key, difference.first, difference.second) for difference in of_kind]
            if rows:
                terminal.line(title, style="bold")
                terminal.table(differences_table((first, second), rows), whole=True)
            else:
                terminal.line(f"{title}: the same", style="bold")
        terminal.result({"differences": [difference.model_dump(mode="json") for difference in differences]})
