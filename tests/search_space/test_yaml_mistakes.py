"""A text that is no YAML: the message names the line where the mistake was made, and what mends it."""

import pytest

from sweeper.errors import SearchSpaceError
from sweeper.search_space.yaml_text import parse_yaml

SPACE = """\
dataset: {text: "text"}
compare:
  encoder: [a]
  loss: [ce]
search:
  tau: {log: [0.05, 1]}
  batch_size: [16, 32]
training:
  epochs: 10  # enough

  max_length: 16
budget: {trials: 4}
storage: "a"
seed: 0
"""
OPEN_QUOTES = "a text in quotes is not closed; close the quotes"
ALIKE = "indent the keys of a mapping alike"
COMMA = "write a comma between two values, or close the bracket"


@pytest.mark.parametrize(
    ("right", "wrong", "line", "mistake"),
    [
        ("seed: 0", "seed:0", 14, "seed:0 has no space after its colon; write seed: 0"),
        ("seed: 0", "seed 0", 14, "seed 0 has no colon; write KEY: VALUE"),
        ("max_length: 16", "max_length:16", 11, "max_length:16 has no space after its colon; write max_length: 16"),
        ("epochs: 10", "epochs:10", 9, "epochs:10 has no space after its colon; write epochs: 10"),
        ("training:\n", "training\n", 8, "training has no colon; write KEY: VALUE"),
        ("training:\n", "training:\n  often\n", 9, "often has no colon; write KEY: VALUE"),
        ('storage: "a"', 'storage: "a', 13, OPEN_QUOTES),
        ('storage: "a"', "storage: 'a", 13, OPEN_QUOTES),
        ('storage: "a"\nseed: 0', 'seed: "0\nstorage: "a"', 13, OPEN_QUOTES),
        ('{text: "text"}', '{text: "text}', 1, OPEN_QUOTES),
        ("1]}", "1]", 6, "the bracket { is not closed; close it"),
        ("32]", "32", 7, "the bracket [ is not closed; close it"),
        ("seed: 0", "confirm: {seeds: 1", 14, "the bracket { is not closed; close it"),
        ("{trials: 4}", "{\n  trials: 4\n  epochs: 3\n}", 14, f"expected ',' or '}}', but got ':'; {COMMA}"),
        ("1]}", "1] prior: 1}", 6, f"expected ',' or '}}', but got '<scalar>'; {COMMA}"),
        ("32]", "32]]", 7, "expected <block end>, but found ']'; remove a bracket"),
        ("  epochs: 10", "epochs: 10", 9, "epochs: 10 is not indented; indent it under training:"),
        ("  encoder: [a]", "encoder: [a]", 3, "encoder: [a] is not indented; indent it under compare:"),
        (
            "  max_length: 16",
            "max_length: 16\n  seed: 1",
            11,
            f"max_length: 16 is indented less than the lines around it; {ALIKE}",
        ),
        (
            "  max_length",
            "    max_length",
            11,
            f"max_length: 16 is indented more than the line before it; {ALIKE}",
        ),
        (
            "  max_length",
            " max_length",
            11,
            f"max_length: 16 is indented otherwise than the lines before it; {ALIKE}",
        ),
        (
            "epochs: 10",
            "epochs:\t10",
            9,
            "found character '\\t' that cannot start any token; write a space in its place",
        ),
        ("  epochs: 10", "\tepochs: 10", 9, "found character '\\t' that cannot start any token; indent with spaces"),
        (
            "seed: 0",
            "seed: a: b",
            14,
            "mapping values are not allowed here; quote a value that has a colon and a space",
        ),
        ('"a"', '"a" b', 13, "expected <block end>, but found '<scalar>'; quote the whole value"),
        ('"a"', r'"C:\data"', 13, "found unknown escape character 'd'; put the text in single quotes"),
    ],
)
def test_a_mistake_has_its_own_line_and_its_remedy(right: str, wrong: str, line: int, mistake: str) -> None:
    assert parse_yaml(SPACE, "a.yaml").values["seed"] == 0
    assert right in SPACE
    with pytest.raises(SearchSpaceError) as caught:
        parse_yaml(SPACE.replace(right, wrong, 1), "a.yaml")
    assert str(caught.value) == f"a.yaml:{line}: not valid YAML: {mistake}"
