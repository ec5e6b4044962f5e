"""Files that cannot be read, overrides, and several mistakes at once are reported in as few lines."""

from pathlib import Path

import pytest

from sweeper.search_space import parser, yaml_file
from tests.support.mistakes import (
    HEAD,
    Mistake,
    error_message,
    message_and_place,
    search,
    start,
    top,
)


def bomb() -> str:
    """Return a file whose aliases expand to a billion values: nine lists, each of nine times the previous list."""
    levels = [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return "\n".join(["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]", *levels])


# not plain YAML: the file, and a part of the message
UNREADABLE: dict[str, tuple[str, str]] = {
    "duplicate key": (top("dataset: sst2  # <-"), "dataset: duplicate key"),
    "duplicate hyperparameter": (search("tau: 1", "tau: 2  # <-"), "search.tau: duplicate key"),
    "duplicate key in a list": (
        top("start_with:", "  - {loss: ce, loss: scl}  # <-"),
        "start_with[1].loss: duplicate key",
    ),
    "a collection as a key": (top("{a: 1}: 2  # <-"), "a key must be a word"),
    "a tag": (top("seed: !!python/object:os.system ls  # <-"), "tags are not allowed, got tag:yaml.org,2002:python"),
    "a harmless tag": (top("seed: !!int 3  # <-"), "tags are not allowed"),
    "an alias bomb": (bomb(), "10,000 values; its aliases expand to more"),
    "a recursive alias": (top("search: &all {tau: *all}  # <-"), "nested deeper than 40 levels"),
    "a recursive list": (top("search: &all  # <-", "  - *all"), "nested deeper"),
    "an unknown alias": (top("search: *other  # <-"), "not valid YAML: found undefined alias 'other'"),
    "deep brackets": ("search: " + "[" * 60 + "]" * 60 + "  # <-", "nested deeper than 40 levels"),
    "an empty file": ("", "must be a mapping of keys to values, such as `dataset: sst5`"),
    "a comment": ("# nothing yet\n", "must be a mapping"),
    "a list at the top": ("- dataset: sst5\n", "must be a mapping"),
    "a word at the top": ("sst5\n", "must be a mapping"),
    "a bracket left open": ("dataset: sst5\ncompare: {encoder: [a\nloss: ce  # <-\n", "not valid YAML"),
    "two colons": (top("seed: 1: 2  # <-"), "not valid YAML: mapping values are not allowed here"),
    "a tab": (top("asha:", "\tgrace_epochs: 2  # <-"), "not valid YAML"),
    "two documents": ("dataset: sst5\n---  # <-\nseed: 1\n", "not valid YAML"),
    "a zero byte": ("dataset: \0\n", "not valid YAML"),
}

# reported in one line, but not with all of place, key, value and remedy
BRIEF: dict[str, Mistake] = {
    "a list in start_with": (start("{batch_size: [4, 8]}", "batch_size: [4, 8]"), "start_with[2].batch_size", "[4, 8]"),
    "a number of 5000 digits": (top(f"seed: {'9' * 5000}  # <-"), "seed"),
    "a bound of 400 digits": (search(f"tau: {{uniform: [1, 1{'0' * 400}]}}  # <-"), "search.tau.uniform[2]"),
    "a key of two lines": (top('"se\\nrch": {}  # <-'), "", "did you mean search?"),
    "a fraction where a whole number must be": (search("epochs: [2, 3.0]  # <-"), "search.epochs[2]", "got 3.0"),
    "a quoted number": (search("epochs: [2, '3']  # <-"), "search.epochs[2]", "got '3'"),
}


@pytest.mark.parametrize(("text", "key", "says"), [(t, k, s) for t, k, *s in BRIEF.values()], ids=BRIEF)
def test_a_mistake_is_reported_clearly(tmp_path: Path, text: str, key: str, says: list[str]) -> None:
    message, place = message_and_place(tmp_path, text)
    assert message.startswith(f"{place}{key}")
    assert [fragment for fragment in says if fragment not in message] == [], message


@pytest.mark.parametrize(("text", "says"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_text_that_is_not_plain_yaml_is_reported_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    message, place = message_and_place(tmp_path, text)
    assert message.startswith(place)
    assert says in message


def test_a_thousand_brackets_are_one_line(tmp_path: Path) -> None:
    message, place = message_and_place(tmp_path, "[" * 1000)
    assert message.startswith((f"{place}not valid YAML", f"{place}nested deeper"))


def test_an_unreadable_file_is_reported_with_its_name(tmp_path: Path) -> None:
    missing, folder, latin, huge = (tmp_path / name for name in ("none.yaml", "folder", "latin.yaml", "huge.yaml"))
    folder.mkdir()
    latin.write_bytes(b"dataset: sst5\n# caf\xe9\n")
    huge.write_bytes(b"#" * 2_000_000)
    assert error_message(missing).startswith(f"{missing}: no such file")
    assert error_message(folder).startswith(f"{folder}: is a directory")
    assert error_message(missing / "deeper.yaml").startswith(f"{missing / 'deeper.yaml'}: no such file")
    assert error_message(latin / "deeper.yaml").startswith(f"{latin / 'deeper.yaml'}: cannot be read")
    assert error_message(latin).startswith(f"{latin}:2: must be UTF-8, got byte 0xe9")
    assert error_message(huge).startswith(f"{huge}: ")
    assert "2,000,000" in error_message(huge)


@pytest.mark.parametrize(
    ("override", "key", "says"),
    [
        ("seed=-1", "seed", "got -1"),
        ("compare.loss=ce,lcl", "compare.loss", "for several values write [ce, lcl]"),
        ("compare.encoder=gru,rnn", "compare.encoder", "for several values write [gru, rnn]"),
        ("search.learning_rate=1e-5,1e-4", "search.learning_rate", "for several values write [1e-5, 1e-4]"),
        ("search.normalize=yes", "search.normalize", "must be true or false, got yes"),
        ("dataset=tweets.csv", "dataset", "write dataset: {train: tweets.csv}"),
        ("compare.encoder=''", "compare.encoder", "must have at least 1 character, got ''"),
        ("budget.trails=3", "budget.trails", "did you mean trials?"),
        ("budget.trials=5", "budget.trials", "at least 6"),
        ("compare.loss=[ce, cl]", "compare.loss[2]", "got cl"),
        ("search.tau.log=[2, 1]", "search.tau.log", "low <= high"),
        ("search.tau=", "search.tau", "got nothing"),
        ("start_with=[{loss: triplet}]", "start_with[1].loss", "ce, scl, lcl"),
    ],
)
def test_a_mistake_in_an_override_names_the_option(
    tmp_path: Path, override: str, key: str, says: str
) -> None:  # fmt: skip
    file = tmp_path / "space.yaml"
    file.write_text(HEAD)
    message = error_message(file, override)
    assert message.startswith(f"--set {override}: {key}: ")
    assert len(message.splitlines()) == 1
    assert says in message


def test_a_long_list_is_not_blamed_on_aliases(tmp_path: Path) -> None:
    values = ", ".join(str(number) for number in range(10_001))
    message, _ = message_and_place(tmp_path, search(f"batch_size: [{values}]  # <-"))
    assert "search.batch_size[" in message
    assert "at most 10,000 values; use a range" in message


def test_an_override_can_correct_a_mistake_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(top("seed: -1"))
    assert parser.parse_spec(yaml_file.load_yaml(file, ["seed=1"])).seed == 1


def test_several_mistakes_are_reported_together_each_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(top("seed: -1", "asha: {grace_epochs: 0, reduction_factor: 1}", "budgt: {}"))
    lines = error_message(file).splitlines()
    assert sorted(line.split(": ")[0] for line in lines) == [f"{file}:3", f"{file}:4", f"{file}:4", f"{file}:5"]
    file.write_text(HEAD + "training: {epoch: 3, seed: 1, tau: 0}\n")
    assert len(error_message(file).splitlines()) == 3
    file.write_text("dataset: sst5\ndataset: sst5\nseed: 1\nseed: 2\n")
    assert [line.split(": ")[1] for line in error_message(file).splitlines()] == ["dataset", "seed"]
