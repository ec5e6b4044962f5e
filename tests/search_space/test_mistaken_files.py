"""Several mistakes in a file are reported together, and an override can correct one. Single ones: tests/mistakes."""

from pathlib import Path

import pytest

from sweeper.errors import UsageError
from sweeper.search_space import parser, yaml_file

HEAD = "dataset: sst5\ncompare: {encoder: [a, b], loss: [ce, scl, lcl]}\n"


def mistakes_in(file: Path, text: str) -> list[str]:
    """Return the lines that the user gets for a file with this text."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        parser.parse_spec(yaml_file.load_yaml(file))
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_a_thousand_brackets_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    (line,) = mistakes_in(file, "[" * 1000)
    assert line.startswith((f"{file}:1: not valid YAML", f"{file}:1: nested deeper"))


def test_a_long_list_is_not_blamed_on_aliases(tmp_path: Path) -> None:
    values = ", ".join(str(number) for number in range(10_001))
    (line,) = mistakes_in(tmp_path / "space.yaml", f"{HEAD}search: {{batch_size: [{values}]}}\n")
    assert "search.batch_size[" in line
    assert "at most 10,000 values; use a range" in line


def test_an_override_can_correct_a_mistake_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(f"{HEAD}seed: -1\n")
    assert parser.parse_spec(yaml_file.load_yaml(file, ["seed=1"])).seed == 1


def test_several_mistakes_are_reported_together_each_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    lines = mistakes_in(file, f"{HEAD}seed: -1\nasha: {{grace_epochs: 0, reduction_factor: 1}}\nbudgt: {{}}\n")
    assert sorted(line.split(": ")[0] for line in lines) == [f"{file}:3", f"{file}:4", f"{file}:4", f"{file}:5"]
    assert len(mistakes_in(file, f"{HEAD}training: {{epoch: 3, seed: 1, tau: 0}}\n")) == 3
    lines = mistakes_in(file, "dataset: sst5\ndataset: sst5\nseed: 1\nseed: 2\n")
    assert [line.split(": ")[1] for line in lines] == ["dataset", "seed"]
