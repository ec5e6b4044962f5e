"""The README tells the truth: its commands run, its YAML is the file's, its knobs and targets exist."""

import re
import shlex

import pytest
import yaml

from sweeper.data.catalog import DATASETS
from sweeper.search_space.schema import CustomDataset
from sweeper.training.config import LOSSES
from tests.conftest import ROOT
from tests.support.cli_runner import sweeper

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]


# Commands that take long: the file that runs each of them, and the words of it that do.
ELSEWHERE = {
    "make run": ("tests/test_quickstart.py", '"make", "run"'),
    "make test": ("Makefile", "\ntest:"),  # this very run
    "sweeper submit search_spaces/sst5.yaml --address http://head:8265": (
        "tests/test_submit.py",
        '"submit", "space.yaml"',
    ),
    "sweeper run search_spaces/sst5.yaml": ("tests/test_end_to_end.py", '"search_spaces" / "sst5.yaml"'),
}


def test_the_explained_yaml_is_the_shipped_file() -> None:
    explained, _ = blocks("yaml")
    assert yaml.safe_load(explained) == yaml.safe_load((ROOT / "search_spaces" / "sst5.yaml").read_text())


def test_the_data_set_of_ones_own_is_written_as_the_reader_takes_it() -> None:
    _, own = blocks("yaml")
    dataset = CustomDataset.model_validate(yaml.safe_load(own)["dataset"]).to_dataset_spec
    assert set(dataset.files) == {"train", "validation", "test"}
    assert (dataset.text, dataset.label) == (("review",), "sentiment")


@pytest.mark.parametrize("command", commands(), ids=shlex.join)
def test_every_command_runs(command: list[str]) -> None:
    """The quick ones as they stand, here; the others are in the test that is named for them."""
    if shlex.join(command) in ELSEWHERE:
        file, words = ELSEWHERE[shlex.join(command)]
        assert words in (ROOT / file).read_text()
        return
    assert command[0] == "sweeper"
    done = sweeper(*command[1:], cwd=ROOT)
    assert done.returncode == 0, done.stderr


def table(head: str) -> dict[str, list[str]]:
    """The rows of the table with this head, by the words in code quotes of their first column."""
    _, _, rest = README.partition(f"\n| {head}")
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    rows = [[system.strip() for system in line.strip("|").split("|")] for line in lines]
    return {name: row[1:] for row in rows for name in re.findall(r"`([^`]+)`", row[0])}


def test_every_loss_and_data_set_is_in_its_table() -> None:
    assert tuple(table("`loss:`")) == LOSSES
    found = table("`dataset:`")
    assert set(found) == set(DATASETS)
    for name, (classes, sizes, *_) in found.items():
        assert int(classes) == len(DATASETS[name].labels)
        expected = DATASETS[name].sizes
        assert expected is None or sizes == " / ".join(f"{size:,}" for size in expected)


def test_the_map_leads_somewhere() -> None:
    (tree,) = (block for block in blocks("text") if block.startswith("sweeper/"))
    for line in tree.splitlines():
        inside = "sweeper/" if line.startswith("  ") else ""
        named = line.strip().split("  ")[0] if "  " in line.strip() else " ".join(line.split()[:2])
        for path in re.findall(r"[\w/]+(?:\.py|/)", named):
            assert (ROOT / inside / path).exists(), path


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
