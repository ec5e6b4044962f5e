"""YAML files: numbers and words as people mean them, a line for every value, and overrides."""

import math
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UsageError
from sweeper.search_space import yaml_file
from sweeper.search_space.document import SourceDocument


def load_text(folder: Path, text: str, *overrides: str) -> SourceDocument:
    file = folder / "space.yaml"
    file.write_text(text, encoding="utf-8")
    return yaml_file.load_yaml(file, overrides)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1e-5", 1e-5),
        ("5E3", 5000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("4", 4),
        ("-4", -4),
        ("007", 7),
        ("0x10", 16),
        ("0o17", 15),
        ("off", "off"),
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("Y", "Y"),
        ("true", True),
        ("FALSE", False),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2024-05-01", "2024-05-01"),
        ("=", "="),
        ("'4'", "4"),
        ('"true"', "true"),
        ("~", None),
        ("", None),
        ("null", None),
        ("[1, 2.0, no]", [1, 2.0, "no"]),
        ("{off: on}", {"off": "on"}),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(tmp_path: Path, written: str, meant: Any) -> None:
    value = load_text(tmp_path, f"key: {written}\n").values["key"]
    assert value == meant
    assert type(value) is type(meant)


def test_nan_is_a_number(tmp_path: Path) -> None:
    assert math.isnan(load_text(tmp_path, "key: .nan\n").values["key"])


def test_keys_are_always_words(tmp_path: Path) -> None:
    assert load_text(tmp_path, "no: 1\n3: 2\nnull: 3\n").values == {"no": 1, "3": 2, "null": 3}


def test_an_alias_stands_for_its_value(tmp_path: Path) -> None:
    document = load_text(tmp_path, "a: &range [1, 2]\nb: {log: *range}\n")
    assert document.values == {"a": [1, 2], "b": {"log": [1, 2]}}


def test_a_byte_order_mark_and_foreign_line_ends_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_bytes(b"\xef\xbb\xbfdataset: sst5\r\nseed: 3\r\n")
    document = yaml_file.load_yaml(file)
    assert document.values == {"dataset": "sst5", "seed": 3}
    assert document.location(("seed",)) == f"{file}:2"


NESTED = """\
# a comment
dataset: sst5

search:
  tau:
    cases:
      - {log: [1, 2]}
      - log: [3, 4]
        when:
          normalize: false
start_with:
- loss: lcl
  tau: 10
-
  loss: scl
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("dataset",), 2),
        (("search", "tau"), 5),
        (("search", "tau", "cases"), 6),
        (("search", "tau", "cases", 0), 7),
        (("search", "tau", "cases", 0, "log", 1), 7),
        (("search", "tau", "cases", 1), 8),
        (("search", "tau", "cases", 1, "when", "normalize"), 10),
        (("start_with", 0), 12),
        (("start_with", 0, "tau"), 13),
        (("start_with", 1, "loss"), 15),
        (("search", "tau", "unwritten"), 5),
        (("start_with", 1, "tau"), 15),
    ],
)
def test_every_key_and_item_has_its_line(tmp_path: Path, path: tuple[str | int, ...], line: int) -> None:
    assert load_text(tmp_path, NESTED).location(path) == f"{tmp_path / 'space.yaml'}:{line}"


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ("seed=7", {"seed": 7}),
        ("budget.trials=8", {"budget": {"trials": 8, "hours": 2}}),
        ("budget.hours=1e-1", {"budget": {"trials": 4, "hours": 0.1}}),
        ("compare.loss=[ce, no]", {"compare": {"loss": ["ce", "no"]}}),
        ("budget={trials: 1}", {"budget": {"trials": 1}}),
        ("asha=off", {"asha": "off"}),
        ("search.tau.log=[1, 2]", {"search": {"tau": {"log": [1, 2]}}}),
        ("empty.key=1", {"empty": {"key": 1}}),
        ("compare.encoder=a=b", {"compare": {"loss": ["ce"], "encoder": "a=b"}}),
        ("seed = 7", {"seed": 7}),
        ("seed=", {"seed": None}),
    ],
)
def test_an_override_changes_only_its_key(tmp_path: Path, override: str, changed: dict[str, Any]) -> None:
    text = "seed: 0\nempty:\ncompare: {loss: [ce]}\nbudget: {trials: 4, hours: 2}\n"
    before, after = load_text(tmp_path, text).values, load_text(tmp_path, text, override).values
    assert after == {**before, **changed}


def test_an_override_may_change_a_part_of_what_an_earlier_one_sets(tmp_path: Path) -> None:
    document = load_text(tmp_path, "seed: 0\n", "budget={trials: 3, hours: 1}", "budget.trials=5")
    assert document.values == {"seed": 0, "budget": {"trials": 5, "hours": 1}}


@pytest.mark.parametrize(
    ("first", "second", "key"),
    [
        ("budget.trials=8", "budget.trials=9", "budget.trials"),
        ("budget.trials=8", "budget.trials=8", "budget.trials"),
        ("budget.trials=8", "budget={hours: 1}", "budget.trials"),
    ],
)
def test_an_override_that_replaces_another_is_refused(first: str, second: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        load_text(tmp_path, "seed: 0\n", first, "seed=1", second)
    assert str(error.value) == f"--set {second}: {key} is set already, by --set {first}; leave one of them out"


def test_the_place_of_an_override_is_the_option(tmp_path: Path) -> None:
    override = "search.tau.log=[3, 4]"
    document = load_text(tmp_path, "seed: 0\nsearch:\n  tau:\n    log: [1, 2]\n", override)
    assert document.location(("search", "tau", "log")) == f"--set {override}"
    assert document.location(("search", "tau", "log", 1)) == f"--set {override}"
    assert document.location(("search", "tau")) == f"{document.name}:3"
    assert document.location(("seed",)) == f"{document.name}:1"
