"""The documents tell the truth: commands and search spaces in them are run or checked, and links lead somewhere."""

import ast
import importlib
import importlib.util
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from docs.generator.links import DOCS
from docs.generator.pages import PAGES
from sweeper.app.specs import load_spec
from sweeper.cli import app
from sweeper.data.catalog import DATASETS
from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.training.registry import LOSSES
from tests.conftest import ROOT
from tests.docs.documents import (
    DOCUMENTS,
    all_blocks,
    blocks,
    commands,
    inline_code,
    name_of,
    table,
    text_of,
)
from tests.support.run_here import run_here

GETTING_STARTED, SEARCH_SPACES, OWN_DATA, LOSSES_AND_ENCODERS, ARCHITECTURE = (
    DOCS / page
    for page in (
        "getting-started.md",
        "guides/search-spaces.md",
        "guides/own-data.md",
        "guides/losses-and-encoders.md",
        "explanation/architecture.md",
    )
)

# Commands that take long: the file that runs each of them, and the words of it that do.
ELSEWHERE = {
    "make run": ("tests/end_to_end/test_quickstart.py", '"make", "run"'),
    "make test": ("Makefile", "\ntest:"),  # this very run
    "make setup": ("Makefile", "\nsetup:"),
    "make bench": ("Makefile", "\nbench:"),
    "make bench BENCH=--quick": ("benchmarks/speed/__main__.py", '"--quick"'),
    "make bench 'BENCH=--rows throughput,loading'": ("benchmarks/speed/__main__.py", '"--rows"'),
    "sweeper submit search_spaces/sst5.yaml --address http://head:8265": (
        "tests/end_to_end/test_submit.py",
        '"submit", "space.yaml"',
    ),
    "sweeper run search_spaces/sst5.yaml": ("tests/end_to_end/test_end_to_end.py", '"search_spaces" / "sst5.yaml"'),
    "sweeper run search_spaces/quickstart.yaml": ("Makefile", "sweeper run search_spaces/quickstart.yaml"),
    "source .venv/bin/activate": ("Makefile", "-m venv $(VENV)"),
    "pip wheel --no-deps --wheel-dir dist .": ("tests/end_to_end/test_wheel.py", '"wheel", "--no-deps", "--wheel-dir"'),
    "pip install 'dist/sweeper-0.1.0-py3-none-any.whl[offline]'": (
        "tests/end_to_end/test_wheel.py",
        '"install", "--no-deps"',
    ),
}

GROUP: Any = typer.main.get_command(app)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the reader of getting-started.md has it: csv files, messages.yaml, and the shipped search spaces."""
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(GETTING_STARTED, "python")
    exec(compile(code, "getting-started.md", "exec"), {})
    (space,) = blocks(GETTING_STARTED, "yaml")
    (tmp_path / "messages.yaml").write_text(space, encoding="utf-8")
    (tmp_path / "search_spaces").symlink_to(ROOT / "search_spaces")
    return tmp_path


@pytest.mark.parametrize("command", commands(), ids=shlex.join)
def test_every_command_runs(command: tuple[str, ...], workspace: Path) -> None:
    """Quick commands run here. Of the others the arguments are checked, and the long ones run in another test."""
    if shlex.join(command) in ELSEWHERE:
        file, words = ELSEWHERE[shlex.join(command)]
        assert words in (ROOT / file).read_text(encoding="utf-8")
        return
    assert command[0] == "sweeper"
    context = GROUP.commands[command[1]].make_context(command[1], list(command[2:]))
    if command[1] in ("run", "submit"):
        for file in context.params["files"]:
            load_spec(file, context.params["overrides"] or ())  # the test's folder is the workspace
    if command[1] == "check":
        done = run_here(command[1:], workspace)
        assert done.returncode == 0, done.stderr


def test_the_check_of_getting_started_prints_what_it_says(workspace: Path) -> None:
    printed = next(block for block in blocks(GETTING_STARTED, "text") if block.startswith("messages.yaml: "))
    assert run_here(["check", "messages.yaml"], workspace, variables={"COLUMNS": "200"}).stdout == printed


@pytest.mark.parametrize("block", all_blocks("yaml").values(), ids=list(all_blocks("yaml")))
def test_every_search_space_is_valid(block: str, tmp_path: Path) -> None:
    """A block without a data set is a part of a search space, and is checked as such."""
    written = yaml.safe_load(block)
    dataset = written.setdefault("dataset", "sst5")
    written.setdefault("compare", {}).setdefault("encoder", ["google/electra-base-discriminator"])
    if isinstance(dataset, dict):
        write_files(dataset, tmp_path)
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    assert load_spec(tmp_path / "space.yaml").systems


def write_files(dataset: dict[str, Any], folder: Path) -> None:
    """Write a small file for each split that a data set of one's own names."""
    own = CustomDataset.model_validate({**dataset, "train": None})
    columns = [*([own.text] if isinstance(own.text, str) else own.text), own.label]
    for split in ("train", "validation", "test"):
        if split in dataset:
            separator = {".csv": ",", ".tsv": "\t"}.get(Path(dataset[split]).suffix)
            rows = [dict.fromkeys(columns, f"{split} {number}") for number in range(2)]
            lines = [json.dumps(row) for row in rows]
            if separator:
                lines = [separator.join(columns), *(separator.join(row.values()) for row in rows)]
            (folder / dataset[split]).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_explained_search_space_is_the_shipped_file() -> None:
    explained = blocks(SEARCH_SPACES, "yaml")[0]
    assert yaml.safe_load(explained) == yaml.safe_load((ROOT / "search_spaces" / "sst5.yaml").read_text())


def test_a_data_set_of_ones_own_is_written_as_the_reader_takes_it() -> None:
    own = blocks(OWN_DATA, "yaml")[0]
    dataset = CustomDataset.model_validate(yaml.safe_load(own)["dataset"]).dataset_spec
    assert set(dataset.files) == {"train", "validation", "test"}
    assert (dataset.text, dataset.label) == (("review",), "sentiment")


def test_a_mistake_is_reported_as_the_guide_says(tmp_path: Path) -> None:
    lines = (ROOT / "search_spaces" / "sst5.yaml").read_text(encoding="utf-8").splitlines()
    lines[9] = lines[9].replace("alpha", "alpah")
    (tmp_path / "search_spaces").mkdir()
    (tmp_path / "search_spaces" / "sst5.yaml").write_text("\n".join(lines), encoding="utf-8")
    done = run_here(["check", "search_spaces/sst5.yaml"], tmp_path)
    start, _, end = blocks(SEARCH_SPACES, "text")[0].strip().partition("…")
    message = " ".join(done.stderr.split())
    assert done.returncode == 2
    assert message.startswith(start)
    assert message.endswith(end.removeprefix(";").strip())


def test_a_row_that_cannot_be_used_is_reported_as_the_guide_says(tmp_path: Path) -> None:
    (message,) = blocks(OWN_DATA, "text")
    (tmp_path / "space.yaml").write_text(
        f"{blocks(OWN_DATA, 'yaml')[0]}compare: {{encoder: [gru]}}\n", encoding="utf-8"
    )
    for name, labels in {"a": ("good", "bad"), "b": ("good", "meh"), "c": ("good", "bad")}.items():
        rows = [json.dumps({"review": f"{name} {label}", "sentiment": label}) for label in labels]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    done = run_here(["run", "space.yaml", "--inline"], tmp_path)
    assert done.returncode == 2
    assert done.stderr.replace(f"{tmp_path}/", "").endswith(message)


def test_every_loss_and_data_set_is_in_its_table() -> None:
    assert list(table(LOSSES_AND_ENCODERS, "`loss:`")) == list(LOSSES)
    found = table(OWN_DATA, "`dataset:`")
    assert set(found) == set(DATASETS)
    for name, (classes, sizes, *_) in found.items():
        assert int(classes) == len(DATASETS[name].class_names)
        expected = DATASETS[name].sizes
        assert expected is None or sizes == " / ".join(f"{size:,}" for size in expected)


def test_the_map_leads_somewhere_and_names_every_package() -> None:
    tree = next(block for block in blocks(ARCHITECTURE, "text") if block.startswith("sweeper/"))
    folders: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [line.split()[0]]
        assert (ROOT / "".join(folders)).exists(), line
    packages = {path.parent.name for path in (ROOT / "sweeper").glob("*/__init__.py")}
    assert packages - {word.strip("/") for word in tree.split()} == set()


def test_the_order_of_imports_is_the_one_that_is_checked() -> None:
    order = next(block for block in blocks(ARCHITECTURE, "text") if block.startswith("cli\n"))
    layers = re.search(r"layers = \[\s+\"__main__\",\n(.*?)\]", (ROOT / "pyproject.toml").read_text(), flags=re.DOTALL)
    assert layers is not None
    assert order.split("\n")[:-1] == re.findall(r'"(.*)"', layers[1])


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text_of(document)):
        path = (document.parent / target).resolve()
        generated = DOCS in path.parents and path.relative_to(DOCS).as_posix() in PAGES
        assert generated or path.exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_what_stands_in_code_exists(document: Path) -> None:
    """Files of the project, commands and their options, targets of make, and modules that `python -m` runs."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for code in inline_code(document):
        for path in re.findall(
            r"^(?:sweeper|tests|docs|cluster|benchmarks|search_spaces)/[\w/.-]*\w(?:\.\w+|/)$", code
        ):
            assert (ROOT / path).exists(), path
        for target in re.findall(r"^make (\w+)", code):
            assert f"\n{target}:" in makefile, code
        for module in re.findall(r"python -m ([\w.]+)", code):
            assert importlib.util.find_spec(module), code
        for name, rest in re.findall(r"^sweeper ([a-z]+)(.*)", code):
            options = {option for parameter in GROUP.commands[name].params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", rest)) - {*options, "--no-texts"} == set(), code


def test_the_registries_are_where_contributing_says() -> None:
    entries = re.findall(r"`([A-Z_]+)` of\s+`(sweeper/[\w/]+)\.py`", text_of(ROOT / "CONTRIBUTING.md"))
    assert len(entries) >= 8
    for name, file in entries:
        module = importlib.import_module(file.removesuffix("/__init__").replace("/", "."))
        assert getattr(module, name), (name, file)


@pytest.mark.parametrize("block", all_blocks("python").values(), ids=list(all_blocks("python")))
def test_every_python_block_uses_the_api_as_it_is(block: str) -> None:
    import sweeper as package

    owners = {"sweeper": package, "results": package.StoredResults, "sweep": package.Sweep}
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in owners:
            assert hasattr(owners[node.value.id], node.attr), node.attr
