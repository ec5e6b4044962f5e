"""The settings of `start_with` that a file has, and that its overrides exclude."""

from pathlib import Path

import pytest

from sweeper.errors import SearchSpaceError
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.yaml_file import load_yaml
from sweeper.terminal.formatting import describe_spec

FILE = """
dataset: sst5
compare: {encoder: [gru], loss: [ce, scl, lcl]}
search: {batch_size: [8, 16], alpha: {uniform: [0.2, 0.9]}}
start_with:
  - {loss: ce, batch_size: 8}
  - {loss: scl, batch_size: 8, alpha: 0.5}
  - {loss: lcl, batch_size: 16}
"""


def load(folder: Path, *overrides: str, text: str = FILE) -> SweepSpec:
    (folder / "space.yaml").write_text(text)
    return parse_spec(load_yaml(folder / "space.yaml", overrides))


@pytest.mark.parametrize(
    ("overrides", "kept"),
    [
        ((), [0, 1, 2]),
        (("budget.trials=8",), [0, 1, 2]),
        (("compare.loss=[ce]",), [0]),
        (("compare.loss=[ce]", "search.batch_size=[16]"), []),
        (("search.batch_size=[16]",), [2]),
        (("search.alpha=[0.2, 0.3]",), [0, 2]),
    ],
)
def test_settings_that_an_override_excludes_are_left_out(overrides: list[str], kept: list[int], tmp_path: Path) -> None:
    spec, written = load(tmp_path, *overrides), load(tmp_path).start_with
    assert list(spec.start_with) == [written[index] for index in kept]
    excluded = len(written) - len(kept)
    assert ("that --set excludes" in describe_spec(spec)) == bool(excluded)


def test_the_line_of_a_search_space_says_how_many_are_left_out(tmp_path: Path) -> None:
    assert describe_spec(load(tmp_path, "compare.loss=[ce]")).endswith(
        "without 2 settings of start_with that --set excludes"
    )


def test_it_is_the_sweep_of_a_file_without_these_settings(tmp_path: Path) -> None:
    narrowed = load(tmp_path, "compare.loss=[ce]")
    lines = [line for line in FILE.splitlines() if "scl, batch" not in line and "lcl, batch" not in line]
    alone = load(tmp_path, text="\n".join(lines).replace("[ce, scl, lcl]", "[ce]"))
    assert narrowed.identity == alone.identity


@pytest.mark.parametrize(
    ("overrides", "text", "place"),
    [
        (
            ["compare.loss=[ce]", "start_with=[{loss: lcl}]"],
            FILE,
            "--set start_with=[{loss: lcl}]: start_with[1]",
        ),
        (["compare.loss=[ce]"], FILE.replace("alpha: 0.5", "alpha: 5"), "space.yaml:7: start_with[2].loss:"),
        (["compare.loss=[ce]", "budget.trials=0"], FILE, "--set budget.trials=0: budget.trials:"),
        ([], FILE.replace("alpha: 0.5", "alpha: 5"), "space.yaml:7: start_with[2].alpha:"),
    ],
)
def test_other_mistakes_stay_mistakes(overrides: list[str], text: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(SearchSpaceError) as caught:
        load(tmp_path, *overrides, text=text)
    assert place in str(caught.value)
