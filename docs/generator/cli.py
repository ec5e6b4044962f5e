"""The page of the command line, from typer."""

from typing import Any

from docs.generator.markdown import code, page, table


def command_line() -> str:
    """Return the page of all commands with their arguments and options."""
    import typer

    from sweeper.cli import app

    group: Any = typer.main.get_command(app)
    parts = [part for name, command in group.commands.items() for part in _command(name, command)]
    return page("Command line", str(group.help), *parts)


def _command(name: str, command: Any) -> list[str]:
    rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    usage = " ".join(["sweeper", name, *(_metavar(p) for p in command.params if p.param_type_name == "argument")])
    about = "\n\n".join(_paragraph(" ".join(part.split())) for part in str(command.help or "").split("\n\n"))
    return [f"## sweeper {name}", code(usage), about, table(["argument or option", "default", "meaning"], rows)]


def _paragraph(text: str) -> str:
    """Return a paragraph of a help text in Markdown; an example is code."""
    start, is_example, example = text.partition("Example: ")
    return f"Example: {code(example)}" if is_example and not start else text


def _metavar(parameter: Any) -> str:
    name = parameter.metavar or str(parameter.name).upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any) -> tuple[str, str, str]:
    if parameter.param_type_name == "argument":
        return code(_metavar(parameter)), _default(parameter), str(getattr(parameter, "help", "") or "")
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    values = "" if parameter.is_flag else f" {_placeholder(parameter)}"
    return code(names + values), _default(parameter), str(parameter.help or "")


def _placeholder(parameter: Any) -> str:
    """Return the name of an option's value: its own, or that of its type."""
    kind = parameter.type_descriptor.annotation
    names = {"int": "INTEGER", "float": "NUMBER", "Path": "PATH"}
    return str(parameter.metavar or names.get(getattr(kind, "__name__", ""), "PATH" if "Path" in str(kind) else "TEXT"))


def _default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    if parameter.envvar:
        variables = [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar
        return " or ".join(map(code, variables))
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default is False:
        return ""
    return code(getattr(default, "value", default))
