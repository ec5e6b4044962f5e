"""The folder in which Ray keeps its sockets and logs: the user's, if its path is short and the disk has room."""

from pathlib import Path

import pytest

from sweeper.errors import UsageError
from sweeper.execution.ray_folder import make_ray_folder, ray_temporary


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({}, "/tmp"),
        ({"TMPDIR": "/var/tmp/s"}, "/var/tmp/s"),
        ({"TMPDIR": "/var/tmp/s", "RAY_TMPDIR": "/scratch"}, "/scratch"),
        ({"RAY_TMPDIR": ""}, "/tmp"),
    ],
)
def test_the_variables_name_the_folder(environment: dict[str, str], folder: str) -> None:
    assert ray_temporary(environment) == (Path(folder), "")


def test_a_path_that_is_too_long_for_sockets_is_named_and_tmp_is_used() -> None:
    path = "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T"
    folder, note = ray_temporary({"TMPDIR": path})
    assert folder == Path("/tmp")
    assert note.startswith(f"TMPDIR={path} is longer than ")
    assert note.endswith("Ray's temporary files are in /tmp")


def test_each_ray_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert make_ray_folder(tmp_path) != make_ray_folder(tmp_path)


def test_a_folder_that_is_not_there_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        make_ray_folder(tmp_path / "gone")
    assert str(caught.value).startswith(f"{tmp_path / 'gone'}: Ray's temporary files cannot be written (No such file")
    assert "RAY_TMPDIR" in str(caught.value)


def test_a_disk_that_is_nearly_full_is_one_line_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"MB free, and Ray needs [\d,]+ MB there; make room, or set RAY_TMPDIR"):
        make_ray_folder(tmp_path, needed=10**18)
    assert not list(tmp_path.iterdir())
