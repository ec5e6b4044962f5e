"""sweeper: hyperparameter sweeps for fine-tuned text classifiers, with results a reviewer can believe.

The Python API is `load`, `run`, `open` and a function for each other command, with the types that they return and the
errors that they raise. Importing it loads neither ray nor torch.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if sys.platform == "win32":
    raise SystemExit("sweeper runs on Linux and macOS; on Windows, install and run it in WSL: wsl --install")

if TYPE_CHECKING:
    __version__: str

    from sweeper.app.api import StoredResults, Sweep, load, open, run
    from sweeper.app.checklist import Checklist, checklist
    from sweeper.app.diff_sweeps import Difference, diff_sweeps
    from sweeper.app.doctor import Diagnosis, examine
    from sweeper.app.export_model import export_model
    from sweeper.app.new_space import NewSpace, new
    from sweeper.app.plan_sweep import plan
    from sweeper.app.predict import TextClassifier, load_model
    from sweeper.app.remove_sweeps import remove_sweep
    from sweeper.app.sweep_list import list_sweeps
    from sweeper.errors import SearchSpaceError, SweeperError, SweepFailedError, SweepInterrupted, UsageError
    from sweeper.protocol.sweep_plan import SweepPlan
    from sweeper.protocol.sweep_results import SweepResults
    from sweeper.protocol.sweep_summary import SweepSummary
    from sweeper.search_space.json_schema import search_space_schema
    from sweeper.search_space.sweep_spec import SweepSpec

__all__ = [
    "Checklist",
    "Diagnosis",
    "Difference",
    "NewSpace",
    "SearchSpaceError",
    "StoredResults",
    "Sweep",
    "SweepFailedError",
    "SweepInterrupted",
    "SweepPlan",
    "SweepResults",
    "SweepSpec",
    "SweepSummary",
    "SweeperError",
    "TextClassifier",
    "UsageError",
    "checklist",
    "diff_sweeps",
    "examine",
    "export_model",
    "list_sweeps",
    "load",
    "load_model",
    "new",
    "open",
    "plan",
    "remove_sweep",
    "run",
    "search_space_schema",
]

_HOMES = {
    "SearchSpaceError": "sweeper.errors",
    "SweepFailedError": "sweeper.errors",
    "SweepInterrupted": "sweeper.errors",
    "SweepPlan": "sweeper.protocol.sweep_plan",
    "SweepResults": "sweeper.protocol.sweep_results",
    "SweepSpec": "sweeper.search_space.sweep_spec",
    "SweepSummary": "sweeper.protocol.sweep_summary",
    "SweeperError": "sweeper.errors",
    "UsageError": "sweeper.errors",
    "search_space_schema": "sweeper.search_space.json_schema",
    "plan": "sweeper.app.plan_sweep",
    "TextClassifier": "sweeper.app.predict",
    "load_model": "sweeper.app.predict",
    "Checklist": "sweeper.app.checklist",
    "checklist": "sweeper.app.checklist",
    "Diagnosis": "sweeper.app.doctor",
    "Difference": "sweeper.app.diff_sweeps",
    "diff_sweeps": "sweeper.app.diff_sweeps",
    "examine": "sweeper.app.doctor",
    "export_model": "sweeper.app.export_model",
    "remove_sweep": "sweeper.app.remove_sweeps",
    "NewSpace": "sweeper.app.new_space",
    "new": "sweeper.app.new_space",
    "list_sweeps": "sweeper.app.sweep_list",
}


def __getattr__(name: str) -> Any:
    """Import a part of the API when it is first used. `__version__` is that of the installed package, or "unknown"."""
    if name == "__version__":
        return _version()
    if name not in __all__:
        raise AttributeError(f"module 'sweeper' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "sweeper.app.api")), name)


def __dir__() -> list[str]:
    """Return the names of the API, also those that were not used yet."""
    return sorted({*globals(), *__all__, "__version__"})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sweeper")
    except PackageNotFoundError:  # a checkout that is not installed
        return "unknown"
