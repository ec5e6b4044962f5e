"""Render the templates of this folder. A value is escaped unless it came out of a template itself."""

from functools import cache
from pathlib import Path
from typing import Any

import markupsafe
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from sweeper.wording import show_controls

Html = Markup

_FOLDER = Path(__file__).parent


def render(template: str, **values: Any) -> Html:
    """Return a template of this folder, filled with these values. Raises jinja2.TemplateError if one is missing."""
    return Markup(_template(template).render(**values))


def macro(name: str, *values: object) -> Html:
    """Return the element that a macro of elements.html makes of these values."""
    return Markup(getattr(_template("elements.html").module, name)(*values).strip())


def escape(text: str) -> Html:
    """Return a text as HTML; markup and control characters in it are shown literally."""
    return markupsafe.escape(show_controls(text, keep="\n\t"))


def read_text(name: str) -> str:
    """Return a file of this folder as it is: the stylesheet or a script."""
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, finalize=_show_controls,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(name)


def _show_controls(value: object) -> object:
    """Return a text with its control characters shown as escapes; HTML and other values as they are."""
    return show_controls(value, keep="\n\t") if isinstance(value, str) and not isinstance(value, Markup) else value
