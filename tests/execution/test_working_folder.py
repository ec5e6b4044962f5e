"""Files of the user in the working folder never take the place of a module, whatever their names are."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.cli_runner import sweeper

USERS_FILES = ("sweeper.py", "numpy.py", "profile.py", "statistics.py", "typing_extensions.py", "torch/__init__.py")


def put_user_files(folder: Path, *, without: str = "") -> None:
    """Put scripts of a user's into a folder, each of which ends the process that imports it."""
    for name in USERS_FILES:
        if name != without:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("raise SystemExit('a script of the user')\n")


def import_all() -> str:
    """Import modules that the user has files of the same names for. Return the working folder and the module path."""
    import profile  # noqa: F401
    import statistics  # noqa: F401

    import numpy  # noqa: F401

    import sweeper.training.trainer  # noqa: F401

    return os.pathsep.join([os.getcwd(), *sys.path])  # noqa: PTH109


@pytest.mark.ray
def test_workers_do_not_import_from_the_working_folder_but_from_pythonpath(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweeper.execution.ray_runner import RayRunner

    monkeypatch.chdir(tmp_path)
    own = tmp_path / "libraries of the user"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(own)]))
    put_user_files(tmp_path)
    with RayRunner() as runner:
        (answer,) = runner.run_on_all_nodes(import_all).values()
    working_folder, *module_path = answer.split(os.pathsep)
    assert working_folder == str(tmp_path)  # relative paths mean the same there
    assert str(tmp_path) not in module_path
    assert str(own) in module_path


def test_python_m_sweeper_does_not_import_from_the_working_folder(tmp_path: Path) -> None:
    put_user_files(tmp_path, without="sweeper.py")  # Python itself would run that one
    done = sweeper("check", "quickstart", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("quickstart: feelings")


def test_a_module_path_of_the_user_is_kept(tmp_path: Path) -> None:
    (tmp_path / "statistics.py").write_text("raise SystemExit('from PYTHONPATH')\n")
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = sweeper("check", "quickstart", cwd=tmp_path.parent, extra={"PYTHONPATH": paths})
    assert "from PYTHONPATH" in done.stderr
