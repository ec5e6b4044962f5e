"""Naming a sweep: by its folder, by a file in it, or by its name among the sweeps."""

from pathlib import Path

import pytest

from sweeper.errors import UsageError
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_names import find_named_sweep
from tests.support.search_spaces import small_spec


@pytest.fixture
def sweeps(tmp_path: Path) -> Path:
    for seed in (0, 1):
        create_sweep(tmp_path / "my sweeps", small_spec(seed=seed), {}, threads=1)
    return tmp_path / "my sweeps"


def test_a_folder_a_file_in_it_and_a_name_are_the_same_sweep(sweeps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sorted(sweeps.iterdir())[0]
    spellings: list[str | Path] = [
        first,
        f"{first}/",
        first / "sweep.yaml",
        first / "sweep.json",
        first.name,
        f"{first.name}/sweep.yaml",
    ]
    assert {find_named_sweep(name, sweeps).path.resolve() for name in spellings} == {first}
    monkeypatch.chdir(first)
    assert {find_named_sweep(name, sweeps).name for name in (".", "sweep.yaml", f"../{first.name}")} == {first.name}


def message(name: str, sweeps: Path) -> str:
    with pytest.raises(UsageError) as caught:
        find_named_sweep(name, sweeps)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_an_unknown_name_lists_the_sweeps_that_are_there_with_the_nearest_first(sweeps: Path) -> None:
    names = sorted(path.name for path in sweeps.iterdir())
    for nearest, other in (names, names[::-1]):
        assert message(nearest[:-1], sweeps).endswith(f"not a sweep; {sweeps} has {nearest}, {other}")
    assert str(sweeps) in message(str(sweeps), Path("elsewhere"))  # the folder of the sweeps itself


@pytest.mark.parametrize("name", ["x" * 300, "ünï cödé", "[red]", "a/b/c", "/etc/passwd", ""])
def test_a_name_that_is_no_sweep_is_one_line(name: str, tmp_path: Path) -> None:
    assert "not a sweep, and" in message(name, tmp_path)


def test_a_file_in_place_of_the_folder_of_sweeps_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert message("name", file) == f"--sweeps {file}: is a file; name the folder that holds the sweeps"
