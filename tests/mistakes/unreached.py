"""List the raises of our errors that no test given reaches: python -m tests.mistakes.unreached [PYTEST ARGUMENTS]

Without arguments the catalogue is run. What it leaves needs a cluster, a hub, a server or a killed process, and has its
tests beside those of its module.
"""

import ast
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[2] / "sweeper"
_ERRORS = ("UsageError", "UnavailableError", "SearchSpaceError", "RecordError", "SweeperError", "SweepLockedError",
           "HyperparameterSyntaxError", "BadValueError", "PydanticCustomError", "BadParameter")  # fmt: skip


def find_raises() -> Iterator[tuple[str, int]]:
    """Yield file and line of each statement that raises one of our errors."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc.func) in _ERRORS:
                yield str(path), node.lineno


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


class RaisedLines:
    """Notes each line of the package in which an exception passes, while it traces."""

    def __init__(self) -> None:
        self.lines: set[tuple[str, int]] = set()

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Trace the functions of the package for their exceptions alone."""
        if not frame.f_code.co_filename.startswith(str(PACKAGE)):
            return None
        frame.f_trace_lines = False
        if event == "exception":
            self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self.trace


def main(arguments: list[str]) -> None:
    """Run the tests, and print a line for each raise that was not reached."""
    raised = RaisedLines()
    threading.settrace(raised.trace)
    sys.settrace(raised.trace)
    pytest.main(["-q", "-n", "0", *(arguments or ["tests/mistakes/test_catalogue.py"])])
    sys.settrace(None)
    raises = list(find_raises())
    unreached = [(path, line) for path, line in raises if (path, line) not in raised.lines]
    print(f"{len(raises) - len(unreached)} of {len(raises)} raises reached; not these:")
    for path, line in unreached:
        print(f"  {Path(path).relative_to(PACKAGE.parent)}:{line}")


if __name__ == "__main__":
    main(sys.argv[1:])
