"""The command line: quick help, one clear line for bad input, and nothing heavy imported before it is needed."""

import itertools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from sweeper.cli import app
from sweeper.data.local_files import list_formats
from tests.conftest import ROOT
from tests.support.cli_runner import sweeper

SST5 = str(ROOT / "search_spaces" / "sst5.yaml")
GROUP: Any = typer.main.get_command(app)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["predict", "--help"], ["check", SST5]])
def test_help_and_checks_load_neither_ray_nor_torch(arguments: list[str], tmp_path: Path) -> None:
    program = (
        "import sys, atexit, json\n"
        "heavy = ('ray', 'torch', 'transformers', 'optuna', 'mlflow', 'datasets', 'numpy')\n"
        "atexit.register(lambda: print(json.dumps([m for m in heavy if m in sys.modules]), file=sys.stderr))\n"
        f"sys.argv = ['sweeper', *{arguments!r}]\n"
        "from sweeper.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert json.loads(done.stderr) == []
    assert done.stdout


def test_a_command_searches_for_garbage_rarely_and_not_at_its_end() -> None:
    program = (
        "import sys, atexit, gc\n"
        "atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 0, file=sys.stderr))\n"
        "sys.argv = ['sweeper', '--version']\n"
        "from sweeper.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "10000 True\n"


@pytest.mark.parametrize(("command", "argument"), [("new", "files"), ("predict", "file")])
def test_the_help_names_every_file_format(command: str, argument: str) -> None:
    (parameter,) = (other for other in GROUP.commands[command].params if other.name == argument)
    assert list_formats() in parameter.help


def test_check_prints_what_would_run_and_leaves_no_file(tmp_path: Path) -> None:
    done = sweeper("check", SST5, cwd=tmp_path)
    assert done.returncode == 0
    assert "6 systems, 96 trials of up to 10 epochs, ASHA after epoch 2, 6" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", ["run", "check"])
def test_the_mistakes_of_all_files_are_one_line_each_with_exit_code_2(verb: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("dataset: sst6\ncompare: {encoder: [m]}\nsearch: {alpah: 0.3}\n")
    done = sweeper(verb, str(bad), "nowhere.yaml", SST5, cwd=tmp_path)
    lines = done.stderr.splitlines()
    assert done.returncode == 2
    assert done.stdout == ""
    assert [line.partition(": ")[0] for line in lines] == [f"{bad}:1", f"{bad}:3", "nowhere.yaml"]
    assert "did you mean alpha?" in lines[1]


def test_an_unreachable_hub_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    away = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf")}
    done = sweeper("run", SST5, "--inline", cwd=tmp_path, extra=away)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "HF_ENDPOINT" in done.stderr
    assert not (tmp_path / "sweeps").exists()


def test_the_version_is_printed(tmp_path: Path) -> None:
    done = sweeper("--version", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"sweeper (\d+\.\d+\S*|, not installed)\n", done.stdout)


def test_every_help_has_an_example_with_arguments_that_the_command_takes() -> None:
    for name, command in GROUP.commands.items():
        (example,) = re.findall(r"Example: (?:echo .* \| )?sweeper (\S+)(.*)", command.help)
        assert example[0] == name
        command.make_context(name, shlex.split(example[1]))


def test_the_lines_of_a_help_break_where_the_terminal_ends(tmp_path: Path) -> None:
    shown = sweeper("watch", "--help", cwd=tmp_path, extra={"COLUMNS": "80"}).stdout
    paragraph = next(part for part in re.split(r"\n\s*\n", shown) if "It reads the record" in part).splitlines()
    words = [line.split() for line in paragraph]
    for line, following in itertools.pairwise(words):
        assert len(" ".join([*line, following[0]])) > 70


@pytest.mark.parametrize(("words", "expected"), [("sweeper sho", ["show"]), ("sweeper show ss", ["sst5-0000000a"])])
def test_the_shell_completes_commands_and_sweeps(words: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "sweeps" / "sst5-0000000a").mkdir(parents=True)
    (tmp_path / "sweeps" / "sst5-0000000a" / "sweep.json").touch()
    variables = {"_SWEEPER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert sweeper(cwd=tmp_path, extra=variables).stdout.split() == expected
