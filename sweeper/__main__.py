"""`python -m sweeper` is the command `sweeper`."""

import sys
from pathlib import Path


def _leave_working_folder() -> None:
    """Take the working folder off the module path, where `python -m` has put it first.

    A profile.py of the user's there would replace Python's. In a checkout that is not installed the folder is needed,
    and stays as the last one.
    """
    if sys.flags.safe_path:
        return
    folder = sys.path.pop(0)
    if Path(folder) == Path(__file__).parents[1]:
        sys.path.append(folder)


_leave_working_folder()

from sweeper.cli import main  # noqa: E402  # after the module path is set

main()
