"""Functions that a registry names as text, so that reading the registry imports nothing heavy."""

from collections.abc import Callable
from functools import cache
from pkgutil import resolve_name
from typing import Any


@cache
def load_function(reference: str) -> Callable[..., Any]:
    """Import and return the function that an entry names as "module:function"."""
    function: Callable[..., Any] = resolve_name(reference)
    return function
