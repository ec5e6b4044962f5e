"""Every command of ray and sweeper that the files in cluster/ and their README run exists, with its options."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.cluster.files import AWS, CLUSTER, RAYJOB, README


def commands_of(text: str) -> Iterator[list[str]]:
    """The simple commands of a shell text, as words; those in $(…) and quotes too."""
    text = "\n".join(line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#"))
    text = re.sub(r"\$\(\([^()]*\)\)", "1", text).replace('"$(', " ; ").replace("$(", " ; ")
    for line in text.splitlines():
        words: list[str] = []
        for word in [*_words(line), ";"]:
            if not set(word) <= set("();|&"):
                words.append(word)
            elif words:
                yield words
                words = []


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line.replace("'", '"') if line.count("'") % 2 else line, posix=True, punctuation_chars="();|&")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a quotation that goes on in the next line: no command here does
        return []


def named(words: Sequence[str]) -> list[str]:
    """A command of ray or sweeper, from its name on and until its output is sent elsewhere; [] where it is another."""
    before = {"RAY_ADDRESS=$head:$port", "${on_head[@]}", "until"}
    words = [word for place, word in enumerate(words) if word not in before or place > 3]
    if not words or words[0] not in {"ray", "sweeper", "cluster/node.sh"}:
        return []
    ends = [place for place, word in enumerate(words) if word.startswith((">", "2>"))]
    return list(words[: min(ends, default=len(words))])


def written() -> list[tuple[str, list[str]]]:
    """The commands of ray and sweeper in this folder, each with the file that it is in."""
    texts = [("README.md", block) for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)]
    texts += [(name, (CLUSTER / name).read_text()) for name in ("node.sh", "slurm.sbatch")]
    texts += [("aws.yaml", "\n".join(AWS[f"{kind}_start_ray_commands"])) for kind in ("head", "worker")]
    texts += [("rayjob.yaml", RAYJOB["spec"]["entrypoint"])]
    found = [(file, named(words)) for file, text in texts for words in commands_of(text)]
    return [(file, command) for file, command in found if command]


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    """Ray's commands and sweeper's; a node by hand takes what `ray start` takes."""
    import typer
    from ray.scripts.scripts import cli

    from sweeper.cli import app

    return {"ray": cli, "sweeper": typer.main.get_command(app), "cluster/node.sh": cli.commands["start"]}


def parse(words: Sequence[str], programs: Mapping[str, Any]) -> None:
    """Parse a command line as its program would, without running it. Raises what the program would."""
    name, *rest = words
    program = programs[name]
    while hasattr(program, "commands"):
        name, *rest = rest
        program = program.commands[name]
    program.make_context(name, rest)


def test_the_commands_are_found_where_they_are_written() -> None:
    found: dict[str, set[str]] = {}
    for file, words in written():
        found.setdefault(file, set()).add(" ".join(words[:2]) if words[0] in {"ray", "sweeper"} else words[0])
    assert found["README.md"] == {
        "cluster/node.sh", "ray get-auth-token", "ray up", "ray down", "ray dashboard", "ray monitor",
        "sweeper submit", "sweeper jobs", "sweeper logs", "sweeper stop",
    }  # fmt: skip
    assert found["node.sh"] == {"ray get-auth-token", "ray start"}
    assert found["slurm.sbatch"] == {"ray status", "sweeper run"}
    assert found["aws.yaml"] == {"ray start", "ray stop"}
    assert found["rayjob.yaml"] == {"sweeper run"}


WRITTEN = written()


@pytest.mark.parametrize("words", [words for _, words in WRITTEN], ids=[f"{f}: {shlex.join(w)}" for f, w in WRITTEN])
def test_every_command_is_one_that_its_program_takes(words: list[str], programs: dict[str, Any]) -> None:
    file = ["search_spaces/sst5.yaml"] if words[0] == "sweeper" else []
    parse([one for word in words for one in (file if word == "$@" else [word])], programs)


@pytest.mark.parametrize(
    "line", ["ray up --spot cluster/aws.yaml", "sweeper submit a.yaml --address http://head --node"]
)
def test_an_option_that_a_program_does_not_have_is_noticed(line: str, programs: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(shlex.split(line), programs)
