"""The pages of the reference: which there are, and what is on each."""

import ast
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generator import choices
from docs.generator.cli import command_line
from docs.generator.data import data, table_formats
from docs.generator.markdown import code, first_line, page, table, value
from docs.generator.schema import describe_default, describe_type, field_table

ROOT = Path(__file__).resolve().parents[2]


def search_space() -> str:
    """Return the page of the keys of a search space file."""
    from sweeper.search_space.sweep_spec import SweepSpec

    return page(
        "Search space file",
        "Every key of a search space file. [The guide](../guides/search-spaces.md) explains how to write one.",
        "`budget.trials` is the key `trials` in the section `budget`. `--set` takes the same names.",
        field_table(SweepSpec),
    )


def hyperparameters() -> str:
    """Return the page of everything that may stand in compare, search and training."""
    from sweeper.training.config import ACTIVE_WHEN, HYPERPARAMETERS, TrainConfig

    schema = TrainConfig.model_json_schema()
    rows = []
    for name in HYPERPARAMETERS:
        field = schema["properties"][name]
        default = describe_default(field, required=name in schema.get("required", ()))
        conditions = ACTIVE_WHEN.get(name, {})
        active = "; ".join(f"{other}: {', '.join(map(value, values))}" for other, values in conditions.items())
        rows.append((code(name), describe_type(field), field["unit"], default, active, field["description"]))
    return page(
        "Hyperparameters",
        "Everything that may stand in `compare`, `search` and `training`, with its default.",
        "With a loss or encoder that *active for* does not list, the hyperparameter is inactive: absent from trial, "
        "record and MLflow.",
        table(["name", "type", "unit", "default", "active for", "meaning"], rows),
    )


def results() -> str:
    """Return the page of the fields of results.json."""
    from sweeper.protocol.sweep_results import SweepResults

    return page(
        "results.json",
        "The fields of `SweepResults`, which `results.json` holds, `--json` prints and the Python API returns.",
        "A dot names a field of a field, and `[]` means each item of a list.",
        field_table(SweepResults),
    )


def errors() -> str:
    """Return the page of errors and exit codes."""
    from sweeper import errors as module

    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, module.SweeperError)]
    rows = [
        (code(kind.__name__), code(kind.__bases__[0].__name__), str(kind.exit_code), first_line(kind.__doc__))
        for kind in kinds
    ]
    exits = [
        ("0", "done"),
        ("1", "the sweep could not finish, or nothing in it succeeded"),
        ("2", "the user's input is wrong: one clear line, no traceback"),
        ("130", "interrupted by Ctrl-C; the same command continues"),
        ("143", "ended by SIGTERM or a closed terminal; the same command continues"),
    ]
    return page(
        "Errors and exit codes",
        "Every error that sweeper raises on purpose. Its message is one line for the user.",
        "## Exit codes",
        table(["exit code", "meaning"], exits),
        "## Errors",
        table(["error", "base class", "exit code", "meaning"], rows),
    )


def modules() -> str:
    """Return the page of all modules, with the first line of each docstring."""
    parts = []
    for package in sorted(path.parent for path in (ROOT / "sweeper").rglob("__init__.py")):
        rows = [
            (code(path.name), first_line(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))))
            for path in sorted(package.glob("*.py"))
        ]
        parts += [f"## {code(package.relative_to(ROOT).as_posix() + '/')}", table(["module", "what it is"], rows)]
    about = "Every module of the package and what it is. [Architecture](../explanation/architecture.md) has the map."
    return page("Modules", about, *parts)


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/search-space.md": search_space,
    "reference/hyperparameters.md": hyperparameters,
    "reference/search.md": choices.search,
    "reference/losses-and-encoders.md": choices.losses_and_encoders,
    "reference/data.md": data,
    "reference/table-formats.md": table_formats,
    "reference/metrics.md": choices.metrics,
    "reference/cli.md": command_line,
    "reference/results.md": results,
    "reference/errors.md": errors,
    "reference/modules.md": modules,
}
